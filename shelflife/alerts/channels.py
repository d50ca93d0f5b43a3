"""Where messages go: a webhook that can check who sent them, and what apprise reaches.

No channel ever logs, or puts into an error, the address that it sends to: addresses hold passwords and tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final, Protocol

from shelflife.errors import UsageError
from shelflife.formats import iso, printable
from shelflife.records.alerts import Message

if TYPE_CHECKING:
    from shelflife.settings import AlertsSettings, WebhookSettings

logger = logging.getLogger(__name__)

TIMEOUT: Final = 10.0
"""Seconds that a receiver may keep silent."""

SIGNATURE: Final = "X-Shelflife-Signature"
"""The header with `sha256=` and the HMAC of the body, in hexadecimal digits."""


class NotDeliveredError(Exception):
    """A receiver did not take a message; says why, and not where."""


class Channel(Protocol):
    """Delivers a message, or raises NotDeliveredError. May be called again for the same message."""

    @property
    def name(self) -> str:
        """What it is called in logs; no address."""

    def deliver(self, message: Message, storage: str) -> None:
        """Deliver a message of a storage, which `storage` names."""


def channels_of(settings: AlertsSettings) -> list[Channel]:
    """Return the channels that the settings name."""
    channels: list[Channel] = []
    if settings.webhook is not None:
        channels.append(Webhook(settings.webhook))
    channels += [Apprise(url.get_secret_value(), number) for number, url in enumerate(settings.urls, start=1)]
    return channels


def as_json(message: Message, storage: str) -> dict[str, Any]:
    """Return a message as it is posted."""
    return {
        "id": message.id,
        "at": iso(message.at),
        "event": message.event,
        "kind": message.kind,
        "key": message.key,
        "text": printable(message.text),
        "storage": printable(storage),
    }


def signature(secret: str, body: bytes) -> str:
    """Return what the header `X-Shelflife-Signature` has for a body: compare it with `hmac.compare_digest`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhook:
    """Posts JSON that is signed; whoever knows the secret can tell that it comes from here."""

    name = "webhook"

    def __init__(self, settings: WebhookSettings, *, timeout: float = TIMEOUT) -> None:
        self._settings = settings
        self._timeout = timeout

    def deliver(self, message: Message, storage: str) -> None:
        """Post a message; any answer but 2xx, a redirection included, counts as not delivered."""
        body = json.dumps(as_json(message, storage)).encode()
        secret = self._settings.secret.get_secret_value()
        request = urllib.request.Request(  # noqa: S310 - the settings take http and https only
            self._settings.url.get_secret_value(),
            data=body,
            headers={
                "Content-Type": "application/json",
                "User-Agent": "shelflife",
                SIGNATURE: signature(secret, body),
            },
        )
        try:
            with _OPENER.open(request, timeout=self._timeout) as response:
                response.read(1)
        except urllib.error.HTTPError as error:
            error.close()
            raise NotDeliveredError(f"it answered {error.code}") from None
        except (OSError, ValueError) as error:
            raise NotDeliveredError(_without_address(error)) from None


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """What is signed for one address is posted to no other."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirection)


def _without_address(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return type(reason).__name__


class Apprise:
    """Hands messages to apprise, one address each, so that one that fails is tried again alone."""

    def __init__(self, url: str, number: int) -> None:
        self._url = url
        self.name = f"alerts.urls[{number}]"

    def deliver(self, message: Message, storage: str) -> None:
        """Send a message."""
        try:
            import apprise  # the extra `alerts`
        except ImportError:
            raise NotDeliveredError("apprise is not installed; the extra `alerts` brings it") from None
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs addresses
        try:
            sender = apprise.Apprise()
            if not sender.add(self._url):
                raise NotDeliveredError("apprise does not understand the address")
            title = f"{message.kind} ({message.event})"
            if not sender.notify(
                title=title, body=f"{printable(message.text)}\n\nStorage: {printable(storage)}"
            ):
                raise NotDeliveredError("apprise could not deliver it")
        except NotDeliveredError:
            raise
        except Exception as error:  # noqa: BLE001 - a hundred services of others; none may break anything here
            raise NotDeliveredError(type(error).__name__) from None


def try_receivers(settings: AlertsSettings, sender: str, *, at: int) -> dict[str, str | None]:
    """Send a test message to each receiver; return by its name why it was not delivered, None where it was.

    `sender` is the storage that speaks, `at` the moment (ns). Blocks. Raises UsageError for no receivers.
    """
    channels = channels_of(settings)
    if not channels:
        raise UsageError(
            "there is nobody to tell; set `alerts.urls` or `alerts.webhook` in the configuration"
        )
    message = Message(id=0, at=at, event="test", kind="test", key="test", text="A test: alerts arrive here.")
    results: dict[str, str | None] = {}
    for channel in channels:
        try:
            channel.deliver(message, sender)
        except NotDeliveredError as error:
            results[channel.name] = str(error)
        else:
            results[channel.name] = None
    return results
