"""Who may send what over HTTP, beyond tokens."""

from __future__ import annotations

from collections.abc import Mapping

from shelflife.scopes import Scope
from shelflife.settings import checks
from shelflife.settings.section import Section, field, listed

__all__ = ["HttpSettings"]

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def _network(text: str) -> str:
    from ipaddress import ip_network  # only who has a proxy waits for it

    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("not an address; allowed: such as 10.0.0.7, 10.0.0.0/8 or ::1") from None


def _header(text: str) -> str:
    if not text or set(text) - _NAME_CHARACTERS:
        raise ValueError("not the name of a header; allowed: such as X-Forwarded-User")
    return text


def _prefix(text: str) -> str:
    prefix = f"/{text.strip('/')}" if text.strip("/") else ""
    if set(prefix) - _NAME_CHARACTERS - set("/.~") or "//" in prefix or "/." in prefix:
        raise ValueError("not a path; allowed: such as /media")
    if prefix.split("/")[1:2] == ["storage"]:
        raise ValueError("begins like the routes themselves; choose another one, such as /media")
    return prefix


def _groups(value: object) -> dict[str, tuple[Scope, ...]]:
    """Check group → scopes."""
    allowed = ", ".join(Scope)
    if not isinstance(value, Mapping):
        raise ValueError("not a mapping; allowed: a list of scopes for each group")  # noqa: TRY004 - readers raise no other
    for group, scopes in value.items():
        if not isinstance(scopes, list | tuple) or any(scope not in set(Scope) for scope in scopes):
            raise ValueError(f"{group}: not a list of scopes; allowed: {allowed}")
    return {str(group): tuple(map(Scope, scopes)) for group, scopes in value.items()}


class HttpSettings(Section):
    """Who may send what over HTTP, beyond tokens. Nothing is believed of a proxy that is not listed."""

    prefix: str = field(checks.text(_prefix), default="")
    """Where a proxy shows the service, such as `/media`, whether it strips that or not; empty: at the root."""
    trusted_proxies: tuple[str, ...] = field(listed(checks.text(_network)), default=())
    """Addresses and networks from which the headers below are believed."""
    user_header: str | None = field(checks.optional(checks.text(_header)), default=None)
    """The header in which they name the user, such as `X-Forwarded-User`; None: no user is forwarded."""
    groups_header: str | None = field(checks.optional(checks.text(_header)), default=None)
    """The header in which they name the user's groups, joined by commas."""
    groups: Mapping[str, tuple[Scope, ...]] = field(_groups, default={})
    """Scopes by group; a group that is not here gives nothing."""
    two_persons: bool = field(checks.truth, default=False)
    """Whether somebody else must approve a plan than asked for the run that was refused."""
