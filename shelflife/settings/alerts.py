"""Whom to tell when something needs a person."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SecretStr

from shelflife.settings import checks, quantities
from shelflife.settings.section import Section

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


# Addresses hold passwords and tokens: as secrets they show in no log and no traceback.
_Url = Annotated[SecretStr, BeforeValidator(checks.secret(_address))]
_WebUrl = Annotated[SecretStr, BeforeValidator(checks.secret(_web_address))]
_Secret = Annotated[SecretStr, BeforeValidator(checks.secret(_secret))]
_Span = Annotated[int, BeforeValidator(checks.positive(quantities.parse_duration))]


class WebhookSettings(Section, frozen=True):
    """A receiver of our own kind of messages."""

    url: _WebUrl
    """Where they are posted."""
    secret: _Secret
    """What they are signed with."""


class AlertsSettings(Section, frozen=True):
    """Whom to tell when something needs a person."""

    urls: tuple[_Url, ...] = ()
    """Apprise URLs: mail, chat and a hundred others."""
    webhook: WebhookSettings | None = None
    """A receiver of signed messages."""
    full_within: _Span = 604_800
    """Seconds: a disk that may be full so soon is told of."""

    @property
    def has_receiver(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.urls) or self.webhook is not None
