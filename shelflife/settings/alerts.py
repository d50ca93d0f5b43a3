"""Whom to tell when something needs a person."""

from __future__ import annotations

from shelflife.settings import checks, quantities
from shelflife.settings.secret import Secret
from shelflife.settings.section import Section, field, listed, section

__all__ = ["AlertsSettings", "WebhookSettings"]

_LEAST_SECRET = 16
"""Characters."""


def _address(text: str) -> str:
    if "://" not in text or not text.isprintable() or " " in text:
        raise ValueError("not an address; allowed: an apprise URL, such as mailto://… or https://…")
    return text


def _web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")) or not text.isprintable() or " " in text:
        raise ValueError("not a web address; allowed: http://… or https://…")
    return text


def _secret(text: str) -> str:
    if len(text) < _LEAST_SECRET:
        raise ValueError(f"too short to be a secret; allowed: {_LEAST_SECRET} characters or more")
    return text


# Addresses hold passwords and tokens: they are secrets, too.


class WebhookSettings(Section):
    """A receiver of our own kind of messages."""

    url: Secret = field(checks.secret(_web_address))
    """Where they are posted."""
    secret: Secret = field(checks.secret(_secret))
    """What they are signed with."""


class AlertsSettings(Section):
    """Whom to tell when something needs a person."""

    urls: tuple[Secret, ...] = field(listed(checks.secret(_address)), default=())
    """Apprise URLs: mail, chat and a hundred others."""
    webhook: WebhookSettings | None = section(WebhookSettings, default=None)
    """A receiver of signed messages."""
    full_within: int = field(checks.positive(quantities.parse_duration), default=604_800)
    """Seconds: a disk that may be full so soon is told of."""

    @property
    def has_receiver(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.urls) or self.webhook is not None
