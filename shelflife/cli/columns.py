"""Tables that fit: on a narrow terminal with fewer columns, on a very narrow one with a line for each value.

In a pipe nothing is left out or folded: a row is a line, columns are two blanks apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shelflife.cli.terminal import BOLD, DIM, Styled, cells, text_of
from shelflife.formats import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.cli.terminal import Part

_GAP: Final = "  "
_CUT: Final = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    right: bool = False
    """Whether its values stand at the right: numbers do."""
    spare: int = 0
    """Where there is no room: left out, the highest first; 0: never."""


@dataclass(slots=True)
class _Row:
    values: Sequence[Part]
    note: str = ""
    after_gap: bool = False


@dataclass(slots=True)
class Table:
    """Rows under titles."""

    columns: Sequence[Column]
    _rows: list[_Row] = field(default_factory=list)

    def add(self, *values: Part, note: str = "") -> None:
        """Add a row; a `note` stands below it, cut off where it is longer than a line of a terminal."""
        self._rows.append(_Row(values, note))

    def add_total(self, *values: Part) -> None:
        """Add a row that sums up; missing values at its end are empty."""
        missing = len(self.columns) - len(values)
        self._rows.append(_Row((*values, *[""] * missing), after_gap=True))

    def lines(self, width: int | None) -> Iterator[Sequence[Part]]:
        """Yield its lines for a terminal of that `width`; None: for a pipe."""
        shown = self._fitting(width)
        if shown is None:
            yield from self._cards(width or 0)
            return
        widths = [self._width(place) for place in shown]
        titles = [Styled(self.columns[place].title, BOLD) for place in shown]
        yield self._line(shown, widths, titles)
        if width is not None:
            yield (Styled(_GAP.join("─" * width for width in widths), DIM),)
        for row in self._rows:
            if row.after_gap:
                yield ("",)
            yield self._line(shown, widths, [row.values[place] for place in shown])
            if row.note:
                yield self._note(row.note, width)

    def _fitting(self, width: int | None) -> list[int] | None:
        """Return the places of the columns that are shown; None where not even the needed ones fit."""
        places = list(range(len(self.columns)))
        while width is not None and self._whole(places) > width:
            spare = max(places, key=lambda place: self.columns[place].spare)
            if not self.columns[spare].spare:
                return None
            places.remove(spare)
        return places

    def _whole(self, places: Sequence[int]) -> int:
        return sum(self._width(place) for place in places) + len(_GAP) * (len(places) - 1)

    def _width(self, place: int) -> int:
        values = [_width_of(row.values[place]) for row in self._rows]
        return max([_width_of(self.columns[place].title), *values])

    def _line(self, shown: Sequence[int], widths: Sequence[int], values: Sequence[Part]) -> list[Part]:
        line: list[Part] = []
        for place, width, value in zip(shown, widths, values, strict=True):
            padding = " " * (width - _width_of(value))
            line += [padding, value] if self.columns[place].right else [value, padding]
            line.append(_GAP)
        return line[:-1]

    def _cards(self, width: int) -> Iterator[Sequence[Part]]:
        for row in self._rows:
            first, *others = zip(self.columns, row.values, strict=True)
            yield (Styled(text_of(first[1]), BOLD),)
            for column, value in others:
                if text_of(value):
                    yield (_GAP, f"{column.title}: " if column.title else "", value)
            if row.note:
                yield self._note(row.note, width)

    def _note(self, note: str, width: int | None) -> Sequence[Part]:
        text = visible(note)
        room = None if width is None else width - len(_GAP)
        if room is not None and cells(text) > room:
            text = text[: room - 1] + _CUT
        return (_GAP, Styled(text, DIM))


def _width_of(part: Part) -> int:
    return cells(visible(text_of(part)))
