"""What shapes are made of: typed dictionaries that a JSON schema can be made from.

pydantic reads the types (for the OpenAPI document) without being imported here: a command line that prints
JSON does not wait for it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    from typing_extensions import TypedDict  # before 3.12, pydantic reads the fields of no other

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

__all__ = ["Count", "Percent", "Schema", "Time", "TypedDict", "open_shape", "shape", "words_of"]

_Shape = TypeVar("_Shape")

_CLOSED: Final = {"extra": "forbid", "use_attribute_docstrings": True}
_OPEN: Final = {"extra": "allow", "use_attribute_docstrings": True}


def shape(kind: type[_Shape]) -> type[_Shape]:
    """Mark a typed dictionary as a shape: complete and nothing else, its fields described by their docstrings."""
    kind.__pydantic_config__ = _CLOSED  # type: ignore[attr-defined]  # read by pydantic
    return kind


def open_shape(kind: type[_Shape]) -> type[_Shape]:
    """Mark a typed dictionary as a shape that may have more keys, such as those an older version recorded."""
    kind.__pydantic_config__ = _OPEN  # type: ignore[attr-defined]  # read by pydantic
    return kind


class Schema:
    """What the JSON schema of a type says besides the type."""

    def __init__(self, **more: Any) -> None:
        self._more = more

    @property
    def enum(self) -> list[str]:
        """The words that it may be; empty where any may."""
        return list(self._more.get("enum", []))

    def __get_pydantic_json_schema__(self, core: Any, handler: Callable[[Any], dict[str, Any]]) -> Any:
        """Return the type's schema and what is to be said besides; called by pydantic."""
        return {**handler(core), **self._more}


def words_of(kind: type[StrEnum]) -> Schema:
    """Return the schema of text that is one of an enumeration's words."""
    return Schema(enum=[member.value for member in kind])


Count = Annotated[int, Schema(minimum=0)]
"""A number of things, or of bytes."""

Percent = Annotated[float, Schema(minimum=0, maximum=100)]
"""A share of a hundred."""

Time = Annotated[str, Schema(format="date-time")]
"""A time: ISO 8601 in UTC with offset."""
