"""Alerts: what needs a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.formats import iso, printable
from shelflife.shapes.schema import Time, TypedDict, shape

if TYPE_CHECKING:
    from shelflife.records.alerts import ActiveAlert

__all__ = ["Alert", "Delivery", "alert_as_json"]


@shape
class Alert(TypedDict):
    """Something that needs a person."""

    kind: str
    """What it is about; stable."""
    key: str
    """Which of its kind, such as an area or a disk."""
    since: Time
    text: str


@shape
class Delivery(TypedDict):
    """Whether a receiver took a test message."""

    receiver: str
    error: str | None
    """Why it did not; null when it did."""


def alert_as_json(alert: ActiveAlert) -> Alert:
    """Return what needs a person."""
    return {
        "kind": alert.kind,
        "key": printable(alert.key),
        "since": iso(alert.since),
        "text": printable(alert.text),
    }
