import re
from xml.etree import ElementTree

import pytest

from reports import theme
from reports.figures import FIGURES, picture
from reports.figures.load import split
from reports.figures.roofline import points
from reports.sources import Sources
from tests.reports import samples
from tonnage.evidence import Quantiles


def full() -> Sources:
    return Sources(plan=samples.full_plan(), profile=samples.profile(), model=samples.model())


@pytest.mark.parametrize("name", FIGURES.names())
def test_a_figure_is_well_formed_and_the_same_every_time(name):
    drawn, again = picture(name, full()), picture(name, full())
    assert drawn == again
    assert drawn is not None
    root = ElementTree.fromstring(drawn.svg)
    assert root.tag.endswith("svg")
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert all(one.startswith(f"{name}-") for one in ids)
    for target in re.findall(r"url\(#([^)]+)\)", drawn.svg) + re.findall(r'href="#([^"]+)"', drawn.svg):
        assert target in ids
    assert drawn.caption
    assert drawn.alt


@pytest.mark.parametrize("name", FIGURES.names())
def test_without_data_there_is_no_figure(name):
    assert picture(name, Sources(plan=samples.minimal_plan())) is None


@pytest.mark.parametrize("n", [0, 1])
def test_a_roofline_of_one_point_or_none_does_not_fail(n):
    profile = samples.profile().model_copy(update={"measurements": samples.profile().measurements[4 : 4 + n]})
    drawn = picture("roofline", Sources(plan=samples.minimal_plan(), profile=profile))
    assert (drawn is None) == (n == 0)


def test_the_roofline_shows_every_arithmetic_kernel_with_its_law():
    shown = points(samples.profile(), samples.model())
    assert len(shown) == 14
    gemm = [point for point in shown if point.kernel == "gemm"]
    assert all(point.law_flop_per_s == pytest.approx(point.flop_per_s, rel=0.6) for point in gemm)
    assert {point.law_flop_per_s for point in shown if point.kernel == "quant_matmul"} == {None}


def test_a_hopeless_prediction_does_not_stretch_the_axis():
    plan = samples.full_plan()
    late = plan.predicted.model_copy(update={"ttft_p95_s": Quantiles(p10=50.0, p50=90.0, p90=1e5)})
    drawn = picture("service", Sources(plan=plan.model_copy(update={"predicted": late})))
    assert drawn is not None
    assert not re.search(r">\d{4,}<", drawn.svg)


def test_the_parts_of_a_load_add_up_to_it():
    plan = samples.full_plan()
    for unit in plan.units:
        assert sum(split(plan, unit).values()) == pytest.approx(unit.utilization)


def test_texts_of_a_page_are_as_long_as_they_were_laid_out() -> None:
    words = ("iiii", "WWWW", "A &amp; B", "A &amp; B, twice as long")
    style = "font-size: 8.5px; font-family: serif"
    drawing = "".join(f'<text style="{style}" x="1">{one}</text>' for one in words)
    told = theme.with_lengths(drawing)
    lengths = [float(one) for one in re.findall(r'textLength="([\d.]+)"', told)]
    assert len(lengths) == len(words)
    assert lengths[0] < lengths[1] and 0 < lengths[2] < lengths[3]
    assert re.sub(r' textLength="[\d.]+" lengthAdjust="\w+"', "", told) == drawing
