"""Telling people when something needs them: once, and again when it changes or ends.

conditions  what needs a person, as it is now
desk        compares that with what was told, and has the difference told
sender      delivers messages in a thread of its own, again and again where it must
channels    a signed webhook, and whatever apprise reaches

What was told is kept in the journal (`shelflife.records.alerts`).
"""

from __future__ import annotations

from shelflife.alerts.channels import signature
from shelflife.alerts.dispatcher import Dispatcher

__all__ = ["Dispatcher", "signature"]
