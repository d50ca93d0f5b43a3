"""What a caller may be allowed to do over HTTP."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["ALL_SCOPES", "Scope"]


ALL_SCOPES: Final = frozenset(Scope)
