"""Leftovers: what processes that were killed while they received files have left in the areas."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.files.draft import sweep_drafts
from shelflife.records.claims import RECEIVING, Claims
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shelflife.policy.area import Area
    from shelflife.records.state import StateDirectory


def sweep_incoming(base: int, areas: Iterable[Area], state: StateDirectory, now: int) -> None:
    """Remove what was begun to be received in `areas` and nobody goes on with at `now` (ns).

    Each draft is begun after its claim, so that this needs no turn.
    """

    def living() -> set[str]:
        return {record.name for record in Claims(state, RECEIVING).living(now)}

    for area in areas:
        with suppress(StorageError, OSError), hold_roots(base, area) as (roots, _):
            for _, anchor in roots:
                sweep_drafts(anchor, living)
