import pytest

from shelflife.cli.columns import Column, Table
from shelflife.cli.terminal import Styled, cells, text_of


def made(table: Table, width: int | None) -> list[str]:
    return ["".join(map(text_of, line)).rstrip() for line in table.lines(width)]


@pytest.fixture
def table() -> Table:
    columns = [
        Column("area"),
        Column("files", right=True),
        Column("newest", spare=2),
        Column("kept", spare=1),
    ]
    table = Table(columns)
    note = "a note that is longer than the table is wide, by far"
    table.add("uploads", "12", "2026-11-22", "7 days", note=note)
    table.add("recordings_of_the_north_gate", Styled("1,234", "1"), "2026-11-21", "30 days")
    table.add_total("total", "1,246")
    return table


def test_in_a_pipe_each_row_is_a_line_and_nothing_is_left_out(table: Table) -> None:
    assert made(table, None) == [
        "area                          files  newest      kept",
        "uploads                          12  2026-11-22  7 days",
        "  a note that is longer than the table is wide, by far",
        "recordings_of_the_north_gate  1,234  2026-11-21  30 days",
        "",
        "total                         1,246",
    ]


@pytest.mark.parametrize(("width", "columns"), [(80, 4), (50, 3), (36, 2)])
def test_on_a_narrow_terminal_columns_that_can_be_spared_are_left_out(
    table: Table, width: int, columns: int
) -> None:
    lines = made(table, width)
    assert len(lines[0].split()) == columns
    assert max(map(len, lines)) <= width


def test_where_not_even_the_needed_columns_fit_each_value_has_a_line(table: Table) -> None:
    lines = made(table, 30)
    assert lines[:4] == ["uploads", "  files: 12", "  newest: 2026-11-22", "  kept: 7 days"]
    assert lines[4] == "  a note that is longer than …"
    assert max(map(len, lines)) <= 30


def test_wide_letters_and_escaped_ones_keep_the_columns_straight() -> None:
    table = Table([Column("path"), Column("size", right=True)])
    for name in ("日本", "odd\nname", "plain"):
        table.add(name, "1")
    shown = list(table.lines(None))
    assert {cells("".join(map(text_of, line)).replace("\n", r"\n")) for line in shown} == {15}
