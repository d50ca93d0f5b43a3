from __future__ import annotations

from pathlib import Path

import pytest

from shelflife.records.state import Owner, StateDirectory


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    """Return the state directory of a storage, not made yet."""
    base = tmp_path / "storage"
    base.mkdir()
    home = base / ".shelflife"
    return StateDirectory(home, home, Owner.of(base))
