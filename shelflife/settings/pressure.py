"""Watermarks: when a disk counts as too full, and when that ends."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, field_validator, model_validator

from shelflife.settings import checks, quantities
from shelflife.settings.section import Section

__all__ = ["HIGH", "LOW", "PressureSettings"]

HIGH = 90
"""Percent: the default of `high`; of inodes also where watermarks are given by room."""

LOW = 80
"""Percent: the default of `low`, likewise."""

_STEP = 10
"""Percent that `low` is below `high`, where only that is given."""

_OptionalShare = Annotated[int | None, BeforeValidator(checks.optional(quantities.parse_share))]
_OptionalSize = Annotated[
    int | None, BeforeValidator(checks.optional(checks.positive(quantities.parse_size)))
]
_Span = Annotated[int, BeforeValidator(checks.positive(quantities.parse_duration))]


class PressureSettings(Section, frozen=True):
    """What is done before the disk is full: watermarks by share, by room, or both.

    A disk is too full when it is beyond any of them, and room is made until that one's other end is reached.
    """

    # The order of the fields matters: a check looks at the field before its own.
    high: _OptionalShare = HIGH
    """Percent of a file system in use, bytes or inodes, above which room is made; None: by room only."""
    low: _OptionalShare = LOW
    """Percent below which that ends; ten below `high`, where only that is given."""
    min_free: _OptionalSize = None
    """Bytes free, below which room is made; None: by share only."""
    free_until: _OptionalSize = None
    """Bytes free, at which that ends; a quarter above `min_free`, where only that is given."""
    check_every: _Span = 60
    """Seconds between two looks."""

    @field_validator("high")
    @classmethod
    def _check_high(cls, value: int | None) -> int | None:
        if value == 0:
            raise ValueError("every disk is above 0%; allowed: 1% to 100%")
        return value

    @field_validator("low")
    @classmethod
    def _check_low(cls, value: int | None, info: ValidationInfo) -> int | None:
        high = info.data.get("high", 100)
        if value is not None and high is None:
            raise ValueError("without high; allowed: both, or neither of them")
        if value is not None and not 0 < value < high:
            raise ValueError(f"not below high, which is {high}%; allowed: 1% to {high - 1}%")
        return value

    @field_validator("free_until")
    @classmethod
    def _check_free_until(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None or "min_free" not in info.data:
            return value
        least = info.data["min_free"]
        if least is None:
            raise ValueError("without min_free; allowed: both, or neither of them")
        if value <= least:
            shown = quantities.format_size(least)
            raise ValueError(f"not above min_free, which is {shown}; allowed: more than {shown}")
        return value

    @model_validator(mode="after")
    def _check_any(self) -> PressureSettings:
        if self.high is None and self.min_free is None:
            raise ValueError("no watermark; allowed: high, such as 90%, or min_free, such as 200GB, or both")
        return self

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: object) -> object:
        """Fill in the other end of a watermark of which one end is given; `min_free` alone is no share."""
        if not isinstance(values, Mapping):
            return values
        given: dict[Any, Any] = {
            key: value for key, value in values.items() if value is not None or key == "high"
        }
        if "min_free" in given and "low" not in given:
            given.setdefault("high", None)
        with suppress(ValueError):
            if "low" not in given and "high" in given:
                high = given["high"]
                given["low"] = None if high is None else f"{max(1, quantities.parse_share(high) - _STEP)}%"
        with suppress(ValueError):
            if "min_free" in given and "free_until" not in given:
                least = quantities.parse_size(given["min_free"])
                given["free_until"] = f"{least + max(1, least // 4)}B"
        return given
