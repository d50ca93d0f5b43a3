from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from shelflife.shapes.schema import Count, Percent, Time, TypedDict, open_shape, shape, words_of


class _Colour(StrEnum):
    RED = "red"


@shape
class _Closed(TypedDict):
    """A shape."""

    files: Count
    """How many."""
    share: Percent
    at: Time | None
    colour: Annotated[str, words_of(_Colour)]


@open_shape
class _Open(TypedDict):
    files: Count


def test_a_schema_says_bounds_formats_and_words_and_what_each_field_means() -> None:
    schema = TypeAdapter(_Closed).json_schema()
    fields = schema["properties"]
    assert fields["files"] == {"description": "How many.", "minimum": 0, "title": "Files", "type": "integer"}
    assert (fields["share"]["minimum"], fields["share"]["maximum"]) == (0, 100)
    assert {"format": "date-time", "type": "string"} in fields["at"]["anyOf"]
    assert fields["colour"]["enum"] == words_of(_Colour).enum == ["red"]
    assert schema["required"] == ["files", "share", "at", "colour"]


def test_a_shape_is_complete_and_an_open_one_may_have_more() -> None:
    whole = {"files": 1, "share": 1.0, "at": None, "colour": "red"}
    assert TypeAdapter(_Closed).validate_python(whole) == whole
    for wrong in (whole | {"more": 1}, {key: whole[key] for key in ("files", "share")}):
        with pytest.raises(ValidationError):
            TypeAdapter(_Closed).validate_python(wrong)
    assert TypeAdapter(_Open).validate_python({"files": 1, "more": 2}) == {"files": 1, "more": 2}
