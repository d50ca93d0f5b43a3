"""Answers without the names of files, for callers who may see numbers only.

Whatever a route answers goes through here before such a caller gets it, so that no route has to remember. What
is left out keeps its shape: a list of files is empty, a path is empty text. The areas' own directories are not
names of files: statistics show them to everybody, as the contract has it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from shelflife.scopes import Scope

if TYPE_CHECKING:
    from fastapi import Response

    from shelflife.web.caller import Caller

__all__ = ["leave_out_names", "may_see_names"]

_WITHOUT: Final = frozenset({"/stats", "/metrics", "/disks", "/forecast", "/whatif"})
"""Routes whose answers name no file: they are asked often, and not looked through."""

_OWN: Final = frozenset({Scope.WRITE})
"""Scopes whose routes name what their caller writes, and nothing else."""

_OF_ALL: Final = frozenset({"/alerts", "/check", "/runs", "/runs/{run}", "/settings", "/status"})
"""Routes that answer about all areas together."""

_PATHS: Final = frozenset({"path", "to", "place"})
_TEXTS: Final = frozenset({"errors", "text"})
"""Members with words of our own, which may name files: what went wrong, and what an alert is about."""


def may_see_names(caller: Caller, route: str, scope: Scope | None) -> bool:
    """Return whether a caller may see all names in an answer of the route at `route`, which needs `scope`.

    Most routes tell whoever is good for some areas about those only; what tells of all of them has no names then.
    """
    return scope in _OWN or (caller.may(Scope.READ_PATHS) and not (caller.areas and route in _OF_ALL))


def leave_out_names(route: str, response: Response) -> None:
    """Take the names of files out of an answer of the route at `route`, below the prefix."""
    body = getattr(response, "body", b"")  # a stream has none; those that name files need the scope for it
    if route in _WITHOUT or not body or "json" not in response.headers.get("content-type", ""):
        return
    response.body = json.dumps(_nameless(json.loads(bytes(body))), separators=(",", ":")).encode()
    response.headers["content-length"] = str(len(response.body))


def _nameless(value: Any) -> Any:
    if isinstance(value, list):
        return [] if any(_is_file(item) for item in value) else [_nameless(item) for item in value]
    if not isinstance(value, dict):
        return value
    failed = value.get("state") == "failed"
    return {
        name: _emptied(part) if name in _PATHS | _TEXTS or (failed and name == "reason") else _nameless(part)
        for name, part in value.items()
        if name != "path_b64"
    }


def _is_file(item: Any) -> bool:
    return isinstance(item, dict) and "path" in item


def _emptied(value: Any) -> Any:
    if isinstance(value, str):
        return ""
    # of a request that is refused, `errors` are what is wrong with it, and the sender knows what it was
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else value
