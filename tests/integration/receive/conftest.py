from __future__ import annotations

import pytest

from shelflife.files.draft import NamelessDraft
from tests.integration.pressure.conftest import mount_storage

__all__ = ["kind", "mount_storage"]


@pytest.fixture(params=["nameless", "named"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether a draft has no name, or lies in `.trash/.incoming/`, as on a file system that has no such files."""
    if request.param == "named":
        monkeypatch.setattr(NamelessDraft, "begin", lambda directory: None)
    return str(request.param)
