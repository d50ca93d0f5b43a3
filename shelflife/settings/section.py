"""What all sections of the settings share: they never change, and when they are wrong they say all of it.

pydantic checks values well but reports as a library for programmers does. Here, once, its errors become
`Fault` values – where, what, why – and a section that a program makes wrongly raises `SettingsError`.

pydantic also stops early: rules between fields ("areas must not overlap") are checked only when every field
is right. `faults` therefore leaves out what was found wrong and checks again, until nothing new turns up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pydantic
from pydantic_core import ErrorDetails

from shelflife.errors import Problem, SettingsError
from shelflife.settings.entry import Loc, shown
from shelflife.settings.spelling import did_you_mean

__all__ = ["Fault", "Section", "faults"]

_REASONS = {
    "dict_type": "not a section; allowed: a mapping of keys to values",
    "mapping_type": "not a section; allowed: a mapping of keys to values",
    "model_type": "not a section; allowed: a mapping of keys to values",
    "missing": "missing",
    "tuple_type": "not a list",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with values that were to become a section."""

    loc: Loc
    """Keys that lead to it, from the section's root."""
    value: object
    """The value found there."""
    reason: str
    """What is wrong and what is allowed."""


class Section(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Base of the settings' sections: immutable, valid by construction.

    Making one with wrong values raises `SettingsError` with every problem.
    """

    sections: ClassVar[Mapping[str, type[Section]]] = {}
    """The sections below this one, by their keys."""

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except pydantic.ValidationError:
            found = faults(type(self), values)
            raise SettingsError(map(_problem, found)) from None

    # As pydantic's own RootModel does: sections inside of others are validated in place, without __init__, so
    # that their errors keep their place.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def suspect(cls, loc: Loc) -> Loc:
        """Return what to leave out, because of a fault at `loc`, when checking the rest once more."""
        return loc


def faults(section: type[Section], values: object) -> list[Fault]:
    """Return everything that is wrong with the values of a section; nothing if they make one."""
    found: list[Fault] = []
    left_out: list[Loc] = []
    while new := [fault for fault in _faults(section, values) if not _follows(fault, left_out)]:
        found += new
        for fault in new:
            left_out.append(section.suspect(_key_of(fault.loc)))
            values = _without(values, left_out[-1])
    return found


def _faults(section: type[Section], values: object) -> list[Fault]:
    try:
        section.model_validate(values)
    except pydantic.ValidationError as error:
        return [_fault(section, details) for details in error.errors(include_url=False)]
    return []


def _follows(fault: Fault, left_out: list[Loc]) -> bool:
    """Whether it is only there because something was left out."""
    return any(loc[: len(fault.loc)] == fault.loc for loc in left_out)


def _key_of(loc: Loc) -> Loc:
    """A list is left out as a whole."""
    indices = [at for at, step in enumerate(loc) if isinstance(step, int)]
    return loc[: indices[0]] if indices else loc


def _without(values: object, loc: Loc) -> object:
    if not isinstance(values, Mapping) or not loc or loc[0] not in values:
        return values
    return {
        key: _without(value, loc[1:]) if key == loc[0] else value
        for key, value in values.items()
        if key != loc[0] or loc[1:]
    }


def _fault(section: type[Section], details: ErrorDetails) -> Fault:
    loc = tuple(step for step in details["loc"] if step != "[key]")
    return Fault(loc, details["input"], _reason(section, loc, details))


def _reason(section: type[Section], loc: Loc, details: ErrorDetails) -> str:
    match details["type"]:
        case "extra_forbidden":
            owner = section
            for step in loc[:-1]:
                owner = owner.sections.get(str(step), owner)
            known = list(owner.model_fields)
            return f"unknown key; allowed: {', '.join(known)}{did_you_mean(str(loc[-1]), known)}"
        case "value_error":
            return str(details["ctx"]["error"])
        case kind:
            return _REASONS.get(kind, details["msg"])


def _problem(fault: Fault) -> Problem:
    value = "" if fault.reason == "missing" else shown(fault.value)
    return Problem(key=".".join(map(str, fault.loc)), value=value, reason=fault.reason)
