"""Leftovers: what processes left that were killed while they received files or leased some."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.files.draft import sweep_drafts
from shelflife.records.claims import LEASES, RECEIVING, Claims
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shelflife.policy.area import Area
    from shelflife.records.state import StateDirectory


def sweep_leftovers(base: int, areas: Iterable[Area], state: StateDirectory, now: int) -> None:
    """Remove what was begun to be received in `areas` and nobody goes on with at `now` (ns), and dead claims.

    Never raises for what is there. Each draft is begun after its claim, so that looking for it needs no turn.
    """

    def living() -> set[str]:
        return {record.name for record in Claims(state, RECEIVING).living(now)}

    for claims in (Claims(state, LEASES), Claims(state, RECEIVING)):
        with suppress(OSError):
            if claims.names():
                with claims.exclusive():
                    claims.sweep(now)
    for area in areas:
        with suppress(StorageError, OSError), hold_roots(base, area) as (roots, _):
            for _, _, anchor in roots:
                sweep_drafts(anchor, living)
