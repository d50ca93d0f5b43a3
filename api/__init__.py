"""The media-analysis service. Importing it, or a module of it, reads, opens and starts nothing.

>>> from api import StorageManager
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.storage import StorageManager

__all__ = ["StorageManager"]


def __getattr__(name: str) -> object:
    """Load what is exported when it is first asked for: the configuration needs no storage."""
    if name != "StorageManager":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from api.storage import StorageManager

    return StorageManager
