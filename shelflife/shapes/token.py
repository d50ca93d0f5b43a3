"""Tokens: who may what over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.formats import iso, iso_or_none
from shelflife.shapes.schema import Time, TypedDict, shape

if TYPE_CHECKING:
    from shelflife.records.access import Token as TokenValue

__all__ = ["NewToken", "Session", "Token", "Tokens", "token_as_json"]


@shape
class Token(TypedDict):
    """A token, without its secret."""

    name: str
    scopes: list[str]
    areas: list[str]
    """The areas it is good for; all, if there are none."""
    created: Time
    created_by: str
    expires: Time | None
    revoked: Time | None
    last_used: Time | None


@shape
class NewToken(Token):
    """A token that was just made."""

    token: str
    """The secret, shown this once."""


@shape
class Tokens(TypedDict):
    """The tokens of a storage."""

    tokens: list[Token]


@shape
class Session(TypedDict):
    """Who asks, and what they may."""

    name: str
    """Empty: nobody was named."""
    scopes: list[str]
    areas: list[str]


def token_as_json(token: TokenValue) -> Token:
    """Return a token."""
    return {
        "name": token.name,
        "scopes": sorted(token.scopes),
        "areas": list(token.areas),
        "created": iso(token.created),
        "created_by": token.created_by,
        "expires": iso_or_none(token.expires),
        "revoked": iso_or_none(token.revoked),
        "last_used": iso_or_none(token.last_used),
    }
