"""What all sections of the settings share: they never change, and when they are wrong they say all of it.

A section is a class whose attributes say how the value of each key is read::

    class IndexSettings(Section):
        settle: int = field(units.parse_duration, default=600)

A reader takes what stands in a file, or what a program gives, and returns the value that it means. It raises
`ValueError` with a reason, or `Refused` where the value has parts: then each part says where it is. What does not
go together although each value is right is `Section.contradictions`.

These need all values, and so wait for the last part that is wrong. `attempt` therefore leaves out what was found
wrong and reads again, until nothing new turns up.

No library does this: one that checks as much takes longer to import than many a command (docs/decisions/0009).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, ClassVar, Final, NamedTuple, Self, TypeVar, dataclass_transform

from shelflife.errors import Problem, SettingsError
from shelflife.settings.entry import Loc, shown
from shelflife.settings.spelling import did_you_mean

__all__ = ["Fault", "Field", "Parts", "Refused", "Section", "attempt", "field", "listed", "section"]

NO_SECTION: Final = "not a section; allowed: a mapping of keys to values"

_MISSING: Final = "missing"
_REQUIRED: Final = object()

Kind = TypeVar("Kind", bound="Section")

Reader = Callable[[object], Any]
"""Returns what a value means. Raises ValueError with a reason, `Refused` for parts of it."""


class Fault(NamedTuple):
    """One thing that is wrong with values that were to become a section."""

    loc: Loc
    """Keys that lead to it, from the section's root."""
    value: object
    """The value found there."""
    reason: str
    """What is wrong and what is allowed."""


class Refused(ValueError):  # noqa: N818 - says what became of the value
    """A value has parts that are wrong."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.reason for fault in faults))


class Field(NamedTuple):
    """How the value of a key is read, and what it is when it is not given."""

    read: Reader
    default: object = _REQUIRED
    section: type[Section] | None = None
    """The section that it is, if it is one."""


def field(read: Reader, *, default: Any = _REQUIRED) -> Any:
    """Declare a key by what reads its value; without a default it must be given."""
    return Field(read, default)


def section(kind: type[Section], *, default: Any, read: Reader | None = None) -> Any:
    """Declare a key whose value is a section; where the default is None, it may be null."""
    read = read or kind.read
    return Field(read if default is not None else _or_none(read), default, kind)


def listed(read: Reader) -> Reader:
    """Take a list of what `read` takes; return a tuple."""

    def check(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple | set | frozenset):
            raise ValueError("not a list")  # noqa: TRY004 - readers raise no other
        parts = Parts()
        for at, item in enumerate(value):
            parts.read(at, read, item)
        return tuple(parts.whole().values())

    return check


class Parts:
    """Parts of a value, read one after the other; what is wrong with them gathers."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}
        self.faults: list[Fault] = []

    def read(self, step: str | int, read: Reader, value: object) -> None:
        """Read the part to which `step` leads."""
        try:
            self.values[step] = read(value)
        except Refused as error:
            self.faults += [Fault((step, *fault.loc), *fault[1:]) for fault in error.faults]
        except ValueError as error:
            self.faults.append(Fault((step,), value, str(error)))

    def whole(self) -> dict[Any, Any]:
        """Return all that was read. Raises `Refused` if anything was wrong."""
        if self.faults:
            raise Refused(self.faults)
        return self.values


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, section))
class Section:
    """Base of the settings' sections: immutable, valid by construction.

    Making one with wrong values raises `SettingsError` with every problem.
    """

    fields: ClassVar[Mapping[str, Field]] = {}
    """How its keys are read, in the order in which they are told."""

    def __init_subclass__(cls) -> None:
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        for name in own:
            delattr(cls, name)
        cls.fields = {**cls.fields, **own}

    def __init__(self, /, **values: Any) -> None:
        made, found = attempt(type(self), values)
        if made is None:
            raise SettingsError(map(_problem, found))
        self.__dict__.update(made.__dict__)

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the section that a mapping means; one that is there already is itself.

        Raises ValueError, `Refused`.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(NO_SECTION)  # noqa: TRY004 - readers raise no other
        made = cls.__new__(cls)
        made._fill(value)
        return made

    @classmethod
    def completed(cls, values: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return what was given together with what follows from it, before anything is read."""
        return values

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> Iterator[tuple[Loc, object, str]]:
        """Yield place, value and reason of what does not go together; `values` are those that are right."""
        del values
        yield from ()

    @classmethod
    def suspect(cls, loc: Loc) -> Loc:
        """Return what to leave out, because of a fault at `loc`, when checking the rest once more."""
        return loc

    @property
    def given(self) -> frozenset[str]:
        """The keys that were given; the others have their defaults."""
        given: frozenset[str] = self.__dict__["_given"]
        return given

    def but(self, **values: Any) -> Self:
        """Return a copy with other values, which are right: they are not checked."""
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__ | values, _given=self.given | set(values))
        return made

    def plain(self) -> dict[str, Any]:
        """Return its keys and values as JSON has them; secrets are not shown."""
        return {name: _plain(value) for name, value in self}

    def _fill(self, given: Mapping[Any, Any]) -> None:
        given = self.completed(given)
        parts = Parts()
        for name, known in self.fields.items():
            if name in given:
                parts.read(name, known.read, given[name])
            elif known.default is _REQUIRED:
                parts.faults.append(Fault((name,), given, _MISSING))
            else:
                parts.values[name] = known.default
        for name in given:
            if name not in self.fields:
                parts.faults.append(Fault((name,), given[name], self._unknown(name)))
        for loc, value, reason in self.contradictions(parts.values):
            as_written = given[loc[0]] if len(loc) == 1 and loc[0] in given else value
            parts.faults.append(Fault(loc, as_written, reason))
        parts.faults.sort(key=self._place)
        self.__dict__.update(parts.whole(), _given=frozenset(given))

    def _place(self, fault: Fault) -> int:
        """Return where a fault stands among others: with its key, and behind them if it has none of ours."""
        names: list[object] = [*self.fields]
        return names.index(fault.loc[0]) if fault.loc and fault.loc[0] in names else len(names)

    def _unknown(self, name: object) -> str:
        return f"unknown key; allowed: {', '.join(self.fields)}{did_you_mean(str(name), self.fields)}"

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield keys and values, so that `dict(section)` has them."""
        return ((name, self.__dict__[name]) for name in self.fields)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), tuple(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self)})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"{type(self).__name__}.{name}: settings never change; make a copy with other values"
        )

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)


def attempt(kind: type[Kind], values: object) -> tuple[Kind | None, list[Fault]]:
    """Return the section that values make; or None, and everything that is wrong with them."""
    found: list[Fault] = []
    left_out: list[Loc] = []
    while True:
        try:
            made = kind.read(values)
        except Refused as refused:
            wrong = refused.faults
        except ValueError as error:
            wrong = [Fault((), values, str(error))]
        else:
            return (None if found else made), found
        new = [fault for fault in wrong if not _follows(fault, left_out)]
        if not new:
            return None, found
        found += new
        for fault in new:
            left_out.append(kind.suspect(_key_of(fault.loc)))
            values = _without(values, left_out[-1])


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


def _or_none(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _plain(value: object) -> object:
    match value:
        case Section():
            return value.plain()
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(part) for part in value]
        case Mapping():
            return {str(key): _plain(part) for key, part in value.items()}
    return str(value)  # a path, a secret


def _problem(fault: Fault) -> Problem:
    value = "" if fault.reason == _MISSING else shown(fault.value)
    return Problem(key=".".join(map(str, fault.loc)), value=value, reason=fault.reason)
