"""Below a prefix: a proxy shows the service at `/media/…`, and strips that before it asks us, or does not.

Either way the service knows where it is: what it answers names its own places as the client sees them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["BelowPrefix"]


class BelowPrefix:
    """Middleware that has an application answer below a prefix, and without it as well."""

    def __init__(self, app: ASGIApp, *, prefix: Callable[[], str]) -> None:
        """Take what tells the prefix, such as `/media`; empty: there is none. It is asked at each request."""
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with the path that its sender used."""
        if scope["type"] == "http" and (prefix := self._prefix()):
            path: str = scope["path"]
            is_whole = path == prefix or path.startswith(f"{prefix}/")
            scope = {**scope, "root_path": prefix, "path": path if is_whole else prefix + path}
        await self._app(scope, receive, send)
