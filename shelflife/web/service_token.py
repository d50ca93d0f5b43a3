"""The bearer token: what a request that changes anything has to show.

`STORAGE_API_TOKEN` sets it. Where that is not set, one is made when the service first starts, kept in the
state directory for the owner of the storage alone, and told once, in the log. Deleting the file and starting
again makes another.
"""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path
from secrets import compare_digest
from typing import TYPE_CHECKING, Final

from shelflife.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.records.state import StateDirectory

__all__ = ["VARIABLE", "ServiceToken", "same"]

logger = logging.getLogger(__name__)

VARIABLE: Final = "STORAGE_API_TOKEN"
"""Environment variable with the token; empty counts as unset."""

_FILE: Final = "api-token"
_BYTES: Final = 32
_SHORTEST: Final = 16
"""Characters that a token in a file has at least: fewer mean that it is damaged."""


class ServiceToken:
    """The token of one storage, read anew each time, so that it can be changed while the service runs."""

    def __init__(self, state: Callable[[], StateDirectory]) -> None:
        """Take what tells the state directory; nothing is read."""
        self._state = state

    def matches(self, presented: str) -> bool:
        """Return whether a request shows the token. Raises StorageError when there can be none."""
        return same(presented, self.expected())

    def expected(self) -> str:
        """Return the token, made if need be. Raises StorageError when it can be neither read nor made."""
        if token := os.environ.get(VARIABLE, "").strip():
            return token
        state = self._state()
        path = state.path / _FILE
        try:
            with suppress(FileNotFoundError):
                return _read(path)
            _make(state, path)
            return _read(path)
        except OSError as error:
            raise StorageError(
                f"cannot read or make the API token {path}: {error.strerror}; {VARIABLE} can set one"
            ) from error


def same(one: str, other: str) -> bool:
    """Return whether two texts are the same, in a time that does not tell how far they are."""
    return compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def _read(path: Path) -> str:
    token = path.read_text("ascii", "replace").strip()
    if len(token) < _SHORTEST:
        raise StorageError(f"the API token {path} is damaged; delete it, and the next start makes another")
    return token


def _make(state: StateDirectory, path: Path) -> None:
    """Make the file with all its content at once: of workers that start together, one wins."""
    state.create()
    token = secrets.token_urlsafe(_BYTES)
    draft = path.with_name(f"{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
        state.owner.adopt(draft)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
    logger.warning(
        "Made an API token, for requests that change anything. It is kept in %s and not shown again: %s",
        path,
        token,
    )
