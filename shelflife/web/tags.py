"""Tags: what a caller has seen, so that an act upon something else than that is refused (`If-Match`, 412).

A tag is made of the parts of what was shown, a short hash each. So whoever comes too late is told which parts
have changed, though nobody keeps what was shown to whom. Tags are weak (RFC 9110, 8.8.1): they leave out what
differs each time and means nothing, such as the moment a plan was made for. For the same reason `If-Match`
compares them weakly here, and a proxy that compresses, and so weakens all tags, does no harm.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from shelflife.web.problems import Changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

__all__ = ["require_match", "require_none", "tag_of", "tags_in"]

_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')
_DIGITS: Final = 12
"""Of a part's hash: 48 bits, so that no two versions that anybody will see look the same."""


def tag_of(parts: Mapping[str, object]) -> str:
    """Return the tag of what is shown, by the names of its parts."""
    return f'W/"{";".join(f"{name}={value}" for name, value in _hashed(parts).items())}"'


def tags_in(header: str) -> list[str]:
    """Return the tags in `If-Match` or `If-None-Match`, bare; an asterisk stands for itself."""
    return ["*"] if header.strip() == "*" else _TAG.findall(header)


def require_match(request: Request, parts: Mapping[str, object], current: Any) -> bool:
    """Return whether the caller named what they have seen, and it is as it was; without parts it is gone.

    `current` is what is shown of it now. Raises Changed.
    """
    header = request.headers.get("if-match")
    if header is None:
        return False
    given = tags_in(header)
    now = _hashed(parts)
    if parts and ("*" in given or any(_parse(tag) == now for tag in given)):
        return True
    seen = _parse(given[0]) if given else {}
    changed = sorted(name for name in seen.keys() | now.keys() if seen.get(name) != now.get(name))
    raise Changed(changed, current, tag_of(parts) if parts else None)


def require_none(request: Request, parts: Mapping[str, object], current: Any) -> None:
    """Return unless there is one and the caller wants none yet (`If-None-Match: *`). Raises Changed."""
    if parts and "*" in tags_in(request.headers.get("if-none-match", "")):
        raise Changed(sorted(parts), current, tag_of(parts))


def _hashed(parts: Mapping[str, object]) -> dict[str, str]:
    return {
        quote(name, safe=""): hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_DIGITS]
        for name, value in parts.items()
    }


def _parse(tag: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in tag.split(";"))
    return {name: value for name, _, value in pairs if value}
