"""Which changes of the settings make a cleanup remove more.

Each setting of an area, and each watermark, is either in one of the two tables of what is *compared*, with the
direction that removes more, or in the one of what is *irrelevant*, with the reason. A test walks the settings and
fails for one that is in neither, so that a new setting cannot be forgotten.

What the journal remembers of an area are these settings as plain values (`remembered`). One that it does not
know, since an older version wrote it, counts as if it had been left out then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shelflife.clock import SECOND
from shelflife.settings import AreaSettings, PressureSettings, format_duration, format_size

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "IRRELEVANT",
    "OF_A_CLEANUP",
    "OF_PURGING",
    "OF_RELIEF",
    "WATERMARKS",
    "longest_retention",
    "lowers_watermarks",
    "remembered",
    "removes_more",
    "upgraded",
]

Check = Callable[[Any, Any], str | None]
"""Takes a setting as it was and as it is; returns what happened to it in words, None if it removes no more."""


# -- directions


def _any_change(was: object, now: object) -> str | None:
    return None if was == now else f"was changed from {was} to {now}"


def _number(value: int) -> str:
    return f"{value:,}"


def _share(value: int) -> str:
    return f"{value}%"


@dataclass(frozen=True, slots=True)
class _Lower:
    """A lower number removes more, and any number more than none."""

    spell: Callable[[int], str] = _number
    none: int | None = None
    """The value that stands for no number."""
    word: str = "none"
    verb: str = "lowered"

    def __call__(self, was: int | None, now: int | None) -> str | None:
        if now == self.none or (was != self.none and was is not None and now is not None and now >= was):
            return None
        return f"was {self.verb} from {self._spelled(was)} to {self._spelled(now)}"

    def _spelled(self, value: int | None) -> str:
        return self.word if value is None or value == self.none else self.spell(value)


@dataclass(frozen=True, slots=True)
class _Higher:
    """A higher number removes more, and any number more than none."""

    spell: Callable[[int], str] = _number

    def __call__(self, was: int | None, now: int | None) -> str | None:
        if now is None or (was is not None and now <= was):
            return None
        return f"was raised from {'none' if was is None else self.spell(was)} to {self.spell(now)}"


def _path(was: object, now: object) -> str | None:
    return f"was changed from {was} to {now}" if was not in (now, "") else None


def _aliases(was: Sequence[str], now: Sequence[str]) -> str | None:
    added = [directory for directory in now if directory not in was]
    return f"got another directory, {', '.join(added)}" if added else None


def _age_from(was: str, now: str) -> str | None:
    """Every other time of a file is at least as late as its mtime: it is younger by it."""
    return None if was == "modified" else _any_change(was, now)


def _switched(towards: object) -> Check:
    return lambda was, now: _any_change(was, now) if now == towards else None


def _protect(was: Sequence[str], now: Sequence[str]) -> str | None:
    if lost := [pattern for pattern in was if pattern not in now]:
        return f"lost a pattern, {', '.join(lost)}"
    if any(pattern.startswith("!") and pattern not in was for pattern in now):
        return "got a pattern that takes protection away"
    if any(pattern.startswith("!") for pattern in now) and [p for p in now if p in was] != list(was):
        return "was put into another order, and the last pattern that matches decides"
    return None


def _ignore(was: Sequence[str], now: Sequence[str]) -> str | None:
    added = [pattern for pattern in now if pattern not in was]
    return f"got a pattern, {', '.join(added)}" if added else None


def _keep_newest(was: object, now: object) -> str | None:
    (count_then, per_then), (count, per) = _count_and_place(was), _count_and_place(now)
    if count < count_then:
        return f"was lowered from {count_then} to {count}"
    return f"was changed from per {per_then} to per {per}" if count_then and per != per_then else None


def _count_and_place(value: Any) -> tuple[int, str]:
    if isinstance(value, Mapping):
        return int(value.get("count", 0)), str(value.get("per", "area"))
    return int(value or 0), "area"


def _classes(was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> str | None:
    """Say whether a file may be kept for a shorter time by its rule now; the last of either is the area's own.

    Nothing is known of what the patterns match: each may match any file, and the same ones match the same.
    """
    before, after = [_class(rule) for rule in was], [_class(rule) for rule in now]
    for first, (pattern, retention) in enumerate(before):
        for then, (other, new) in enumerate(after):
            by_none = (
                first == len(before) - 1 and then == len(after) - 1
            )  # its retention is compared by itself
            is_possible = pattern not in _patterns(after[:then]) and other not in _patterns(before[:first])
            if new < retention and is_possible and not by_none:
                return "were changed, and may keep files for a shorter time"
    return None


def _class(rule: Mapping[str, Any]) -> tuple[tuple[str, ...], float]:
    """Return a rule's patterns and its retention in seconds."""
    match, retention = rule.get("match") or (), rule.get("retention")
    patterns = (match,) if isinstance(match, str) else tuple(match)
    return patterns, float("inf") if retention is None or retention < 0 else float(retention)


def _patterns(classes: Sequence[tuple[tuple[str, ...], float]]) -> list[tuple[str, ...]]:
    return [patterns for patterns, _ in classes]


# -- the tables

_DURATION: Final = _Lower(format_duration, verb="shortened")

OF_A_CLEANUP: Final[Mapping[str, Check]] = {
    "path": _path,
    "aliases": _aliases,
    "retention": _Lower(format_duration, none=-1, word="indefinite", verb="shortened"),
    "rules": _classes,
    "protect": _protect,
    "keep_newest": _keep_newest,
    "expire": _any_change,
    "age_from": _age_from,
    "ignore": _ignore,
    "prune": _switched(True),
    "in_use": _switched("off"),
    "trash": _DURATION,
    "quota": _Lower(format_size),
    "max_files": _Lower(),
    "min_age": _DURATION,
}
"""What decides how much goes by retention, rules and quota, and for how long it can be brought back."""

OF_PURGING: Final[Mapping[str, Check]] = {name: OF_A_CLEANUP[name] for name in ("path", "aliases", "trash")}
"""What decides how much is purged from an area's trash."""

OF_RELIEF: Final[Mapping[str, Check]] = {**OF_A_CLEANUP, "priority": _Lower()}
"""What decides how much an area gives when its disk is full."""

WATERMARKS: Final[Mapping[str, Check]] = {
    "high": _Lower(_share),
    "low": _Lower(_share),
    "min_free": _Higher(format_size),
    "free_until": _Higher(format_size),
}
"""What decides when a disk is full."""

IRRELEVANT: Final[Mapping[str, str]] = {
    "check_every": "how often the disk is looked at decides when room is made, not how much",
    "receive_share": "it decides what may come, not what goes",
}
"""Settings of an area, and of `pressure`, that are not compared, and why not."""


# -- comparing


def remembered(area: AreaSettings, pressure: PressureSettings | None) -> dict[str, Any]:
    """Return what of the settings decides how much goes from an area, as plain values."""
    values = {name: value for name, value in area.plain().items() if name in OF_RELIEF}
    marks = None if pressure is None else pressure.plain()
    return values | {"pressure": marks and {name: marks[name] for name in marks if name in WATERMARKS}}


def upgraded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return remembered settings in today's shape, also where an older version wrote them."""
    if "directories" not in settings:
        return dict(settings)
    others = dict(settings)
    path, *aliases = others.pop("directories")
    retention = others.pop("retention", None)
    seconds = -1 if retention is None else retention // SECOND  # it was in ns
    return {**others, "path": path, "aliases": aliases, "retention": seconds}


def longest_retention(settings: Mapping[str, Any]) -> int:
    """Return the longest retention of an area's classes, in ns; 0 where all are kept indefinitely."""
    classes = (_class(rule)[1] for rule in _with_defaults(settings)["rules"])
    return max((int(seconds) for seconds in classes if seconds != float("inf")), default=0) * SECOND


def removes_more(
    before: Mapping[str, Any], after: Mapping[str, Any], table: Mapping[str, Check] = OF_A_CLEANUP
) -> str | None:
    """Return how settings changed towards removing more, in words; None when they did not.

    Both as `remembered` gives them. `table` says what is compared.
    """
    found = _differences(_with_defaults(before), _with_defaults(after), table)
    name, words = next(found, (None, None))
    return f"its {name} {words}" if name else None


def lowers_watermarks(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Return how the watermarks changed so that a disk is full sooner, in words; None when they did not."""
    marks = before.get("pressure") or {}
    name, words = next(_differences(marks, after.get("pressure") or {}, WATERMARKS), (None, None))
    return f"pressure.{name} {words}" if name else None


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], table: Mapping[str, Check]
) -> Iterator[tuple[str, str]]:
    for name, check in table.items():
        if name in after and (words := check(before.get(name), after[name])) is not None:
            yield name, words


def _with_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the defaults of what is not known, and the area's own class as its last rule."""
    values = AreaSettings().plain() | dict(settings)
    own = {"match": (), "retention": values["retention"]}
    return values | {"rules": [*values.get("rules", ()), own]}
