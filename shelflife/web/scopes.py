"""What each route needs: one table, which the guard, the OpenAPI document and the docs read.

A route that is not in it needs `admin`: whoever forgets a row opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shelflife.scopes import Scope

__all__ = ["FILES", "SCOPES", "below", "scope_of"]

SCOPES: Final[Mapping[tuple[str, str], Scope | None]] = {
    ("GET", "/stats"): Scope.READ,
    ("GET", "/metrics"): Scope.READ,
    ("GET", "/disks"): Scope.READ,
    ("GET", "/forecast"): Scope.READ,
    ("GET", "/whatif"): Scope.READ,
    ("GET", "/alerts"): Scope.READ,
    ("GET", "/check"): Scope.READ_PATHS,
    ("GET", "/status"): Scope.READ_PATHS,
    ("GET", "/settings"): Scope.READ_PATHS,
    ("GET", "/acts"): Scope.READ_PATHS,
    ("GET", "/events"): Scope.READ,
    ("GET", "/runs"): Scope.READ,
    ("GET", "/runs/{run}"): Scope.READ,
    ("GET", "/runs/{run}/files"): Scope.READ_PATHS,
    ("DELETE", "/runs/{run}"): Scope.CLEANUP,
    ("GET", "/plan"): Scope.PLAN,
    ("GET", "/plan/files"): Scope.READ_PATHS,
    ("GET", "/plans"): Scope.READ,
    ("GET", "/plans/{plan}"): Scope.PLAN,
    ("GET", "/plans/{plan}/files"): Scope.READ_PATHS,
    ("GET", "/cleanup"): Scope.READ_PATHS,
    ("POST", "/cleanup"): Scope.CLEANUP,
    ("POST", "/relief"): Scope.CLEANUP,
    ("GET", "/why"): Scope.READ_PATHS,
    ("GET", "/holds"): Scope.READ_PATHS,
    ("POST", "/holds"): Scope.HOLD,
    ("DELETE", "/holds"): Scope.HOLD,
    ("GET", "/holds/{hold}"): Scope.READ_PATHS,
    ("DELETE", "/holds/{hold}"): Scope.HOLD,
    ("PUT", "/files"): Scope.WRITE,
    ("GET", "/reservations"): Scope.READ_PATHS,
    ("POST", "/reservations"): Scope.WRITE,
    ("GET", "/reservations/{reservation}"): Scope.READ_PATHS,
    ("PATCH", "/reservations/{reservation}"): Scope.WRITE,
    ("DELETE", "/reservations/{reservation}"): Scope.WRITE,
    ("POST", "/reservations/{reservation}/publish"): Scope.WRITE,
    ("GET", "/leases"): Scope.READ_PATHS,
    ("POST", "/leases"): Scope.WRITE,
    ("PUT", "/leases/{lease}"): Scope.WRITE,
    ("DELETE", "/leases/{lease}"): Scope.WRITE,
    ("GET", "/trash"): Scope.READ_PATHS,
    ("POST", "/trash/restore"): Scope.RESTORE,
    ("POST", "/trash/purge"): Scope.ADMIN,
    ("POST", "/alerts/test"): Scope.ADMIN,
    ("POST", "/adopt"): Scope.ADMIN,
    ("GET", "/tokens"): Scope.ADMIN,
    ("POST", "/tokens"): Scope.ADMIN,
    ("DELETE", "/tokens/{name}"): Scope.ADMIN,
    ("GET", "/session"): None,
    ("POST", "/session"): None,
    ("DELETE", "/session"): None,
}
"""(method, path below the prefix) → what the caller needs; None: nothing, who asks says himself who they are.

Approving a plan is a cleanup, too, and needs `approve` besides (`shelflife.web.routes.cleanup`).
"""


FILES: Final = frozenset({("PUT", "/files"), ("PATCH", "/reservations/{reservation}")})
"""The routes whose body is a file: of any length and kind, and read as it comes."""


def below(prefix: str, path: str) -> str:
    """Return where a route is below the routes' prefix, also where that was put below another one.

    Versions of FastAPI differ in whether a route's own path knows the prefix that an application added to it.
    """
    return path.removeprefix(prefix) if path.startswith(prefix) else path.rpartition(prefix)[2]


def scope_of(method: str, path: str) -> Scope | None:
    """Return what a request needs; `path` is the route's, below the prefix."""
    return SCOPES.get(("GET" if method == "HEAD" else method, path), Scope.ADMIN)
