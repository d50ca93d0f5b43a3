"""Who may send what over HTTP, beyond tokens."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated

from pydantic import BeforeValidator

from shelflife.scopes import Scope
from shelflife.settings import checks
from shelflife.settings.section import Section

__all__ = ["HttpSettings"]

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("not an address; allowed: such as 10.0.0.7, 10.0.0.0/8 or ::1") from None


def _header(text: str) -> str:
    if not text or set(text) - _NAME_CHARACTERS:
        raise ValueError("not the name of a header; allowed: such as X-Forwarded-User")
    return text


def _optional_header(value: object) -> object:
    return None if value is None else checks.text(_header)(value)


def _groups(value: object) -> object:
    """Check group → scopes."""
    allowed = ", ".join(Scope)
    if not isinstance(value, Mapping):
        raise ValueError("not a mapping; allowed: a list of scopes for each group")  # noqa: TRY004 - as pydantic wants it
    for group, scopes in value.items():
        if not isinstance(scopes, list | tuple) or any(scope not in set(Scope) for scope in scopes):
            raise ValueError(f"{group}: not a list of scopes; allowed: {allowed}")
    return {str(group): tuple(map(Scope, scopes)) for group, scopes in value.items()}


class HttpSettings(Section, frozen=True):
    """Who may send what over HTTP, beyond tokens. Nothing is believed of a proxy that is not listed."""

    trusted_proxies: tuple[Annotated[str, BeforeValidator(checks.text(_network))], ...] = ()
    """Addresses and networks from which the headers below are believed."""
    user_header: Annotated[str | None, BeforeValidator(_optional_header)] = None
    """The header in which they name the user, such as `X-Forwarded-User`; None: no user is forwarded."""
    groups_header: Annotated[str | None, BeforeValidator(_optional_header)] = None
    """The header in which they name the user's groups, joined by commas."""
    groups: Annotated[Mapping[str, tuple[Scope, ...]], BeforeValidator(_groups)] = {}
    """Scopes by group; a group that is not here gives nothing."""
    two_persons: Annotated[bool, BeforeValidator(checks.truth)] = False
    """Whether somebody else must approve a plan than asked for the run that was refused."""
