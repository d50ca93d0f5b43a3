from __future__ import annotations

import json
import sys

import pytest

from shelflife.cli import output
from shelflife.cli.columns import Column, Table
from shelflife.cli.terminal import CARE, Styled

ESCAPE = "\x1b[31m"


def _on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard output a terminal of 40 columns."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def test_a_message_goes_to_stderr_and_says_who_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("first\nsecond")
    assert capsys.readouterr() == ("", "shelflife: first\nsecond\n")


def test_no_name_moves_a_cursor_or_leaves_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_line("a\nb", ESCAPE, "\udcff")
    output.say(f"{ESCAPE}!")
    assert capsys.readouterr() == ("a\\nb\\x1b[31m\\xff\n", "shelflife: \\x1b[31m!\n")


def test_the_first_of_many_messages_are_printed_and_how_many_more_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.say_all([str(number) for number in range(output.MOST_LINES)], more="unused")
    assert len(capsys.readouterr().err.splitlines()) == output.MOST_LINES
    output.say_all([str(number) for number in range(1_500)], more="`x` lists all")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == output.MOST_LINES + 1
    assert lines[-1] == "shelflife: … and 1,480 more; `x` lists all"


def test_json_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"path": "a\nb", "n": 1}
    output.print_json(value)
    document = capsys.readouterr().out
    output.print_json_line(value)
    line = capsys.readouterr().out
    assert json.loads(document) == json.loads(line) == value
    assert line.count("\n") == 1


def test_in_a_pipe_no_style_shows(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_line(Styled("care", CARE), Styled("", CARE))
    assert capsys.readouterr().out == "care\n"


def test_a_style_shows_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    output.print_line(Styled("care", CARE), Styled("", CARE), " ", Styled(ESCAPE, CARE))
    assert capsys.readouterr().out == "\x1b[1;33mcare\x1b[0m \x1b[1;33m\\x1b[31m\x1b[0m\n"


def test_in_a_pipe_no_sentence_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    text = "word " * 50
    output.print_prose(text, first=("! ",))
    assert capsys.readouterr().out == f"! {text}\n"


def test_on_a_terminal_sentences_are_folded_below_each_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    output.print_prose("one two three four five six seven eight nine ten", first=("label  ",))
    assert capsys.readouterr().out.splitlines() == [
        "label  one two three four five six seven",
        "       eight nine ten",
    ]


def test_a_long_beginning_gets_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    output.print_prose("and then some", first=("x" * 21,))
    assert capsys.readouterr().out.splitlines() == ["x" * 21, "    and then some"]


def test_what_cannot_be_broken_is_not_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    path = "/srv/" + "x" * 60
    output.print_prose(f"see {path}", indent="  ")
    assert capsys.readouterr().out.splitlines() == ["see", f"  {path}"]


def test_a_block_stays_in_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_block("a\n  b\n\n")
    assert capsys.readouterr().out == "a\n  b\n"


def test_a_question_leaves_the_cursor_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.prompt("go on? [y/N] ")
    assert capsys.readouterr().out == "go on? [y/N] "


def test_a_table_in_a_pipe_has_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table([Column("area"), Column("files", right=True)])
    table.add("temp", "1")
    output.print_table(table)
    assert capsys.readouterr().out == "area  files\ntemp      1\n"


@pytest.mark.parametrize(
    ("value", "line"),
    [(0, ""), (1, "1 FIFO, socket or device stays\n"), (2, "2 FIFOs, sockets and devices stay\n")],
)
def test_special_files_are_told_where_there_are_any(
    capsys: pytest.CaptureFixture[str], value: int, line: str
) -> None:
    output.print_special(value)
    assert capsys.readouterr().out == line
