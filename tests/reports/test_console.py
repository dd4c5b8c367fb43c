from reports.console import console, evidence, table
from tonnage.evidence import Evidence


def test_numbers_are_flush_right_and_markup_in_data_is_text(capsys):
    grid = table("Title", "!name", ">count")
    grid.add_row("[bold]a[/bold]", "1")
    grid.add_row("b", "1,000")
    console().print(grid)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    first, second = (line for line in lines if "1" in line)
    assert first.startswith("[bold]a[/bold]")
    assert len(first) == len(second)


def test_every_level_of_evidence_has_a_style_of_its_own():
    styles = {str(evidence(level).style) for level in Evidence}
    assert len(styles) == len(Evidence)


def test_piped_text_holds_no_escape_codes(capsys):
    console().print(evidence(Evidence.ASSUMED))
    assert capsys.readouterr().out == "assumed\n"
