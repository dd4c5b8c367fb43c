import json

import pytest

from tests.reports import samples
from tonnage.cli import main
from tonnage.files import write_record


@pytest.fixture
def plan_file(tmp_path):
    write_record(tmp_path / "plan.json", samples.full_plan())
    return tmp_path / "plan.json"


def refused(capsys, *words: str) -> str:
    code = main(["report", *words])
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("tonnage: ")
    return err


def test_a_plan_becomes_a_pdf_and_a_page(plan_file, tmp_path, capsys):
    pdf, page = tmp_path / "r.pdf", tmp_path / "r.html"
    assert main(["report", str(plan_file), "-o", str(pdf), "--html", str(page)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert str(pdf) in err
    assert pdf.read_bytes().startswith(b"%PDF")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_plan_that_cannot_be_is_reported_all_the_same(tmp_path, capsys):
    write_record(tmp_path / "plan.json", samples.infeasible_plan())
    assert main(["report", str(tmp_path / "plan.json"), "-o", str(tmp_path / "r.pdf")]) == 0
    assert (tmp_path / "r.pdf").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"format": "tonnage.plan", "version": 1, "feas', "cut off"),
        ('{"format": "tonnage.plan", "version": 1}', "scenario"),
        ('{"format": "tonnage.profile", "version": 1}', "expected a tonnage.plan file"),
        ('{"format": "tonnage.plan", "version": 99}', "newer"),
        ("[]", "JSON object"),
        ("\xff", "JSON"),
        ("", "JSON"),
    ],
)
def test_what_is_no_plan_is_one_line_and_no_file(text, says, tmp_path, capsys):
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    assert says in refused(capsys, str(tmp_path / "plan.json"), "-o", str(tmp_path / "r.pdf"))
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_missing_plan_is_named(tmp_path, capsys):
    assert "nothing.json" in refused(capsys, str(tmp_path / "nothing.json"), "-o", str(tmp_path / "r.pdf"))


def test_a_missing_profile_is_named_and_nothing_is_written(plan_file, tmp_path, capsys):
    words = (str(plan_file), "-o", str(tmp_path / "r.pdf"), "--profile", str(tmp_path / "no-profile.json"))
    assert "no-profile.json" in refused(capsys, *words)
    assert not (tmp_path / "r.pdf").exists()


@pytest.mark.parametrize("where", ["no/such/folder/r.pdf", "."])
def test_a_path_that_cannot_be_written_is_refused(where, plan_file, tmp_path, capsys):
    refused(capsys, str(plan_file), "-o", str(tmp_path / where))
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_the_plan_on_disk_is_not_touched(plan_file, tmp_path):
    before = plan_file.read_bytes()
    main(["report", str(plan_file), "-o", str(tmp_path / "r.pdf")])
    assert plan_file.read_bytes() == before
    assert json.loads(before)["feasible"] is True
