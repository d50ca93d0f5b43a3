import io

import pytest

from shelflife.cli.terminal import cells, columns_of, encodable, has_colours


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Ascii(io.StringIO):
    encoding = "ascii"


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_colours_are_for_terminals_whose_users_want_them(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert has_colours(Terminal()) is coloured
    assert has_colours(io.StringIO()) is False


def test_a_pipe_has_no_width_and_a_terminal_never_less_than_twenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "5")
    assert (columns_of(io.StringIO()), columns_of(Terminal())) == (None, 20)
    monkeypatch.setenv("COLUMNS", "132")
    assert columns_of(Terminal()) == 132


def test_a_terminal_that_has_ascii_only_gets_ascii_signs_and_escapes() -> None:
    assert encodable("✗ Größe – 100 %…", Ascii()) == r"x Gr\xf6\xdfe - 100 %..."
    assert encodable("Größe – ✓", io.StringIO()) == "Größe – ✓"


def test_letters_of_the_far_east_take_two_columns() -> None:
    assert [cells(text) for text in ("abc", "日本", "e\u0301", "ﾊ")] == [3, 4, 1, 1]
