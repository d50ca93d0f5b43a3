"""`check --shared`: what two mounts of one directory know of each other, tried."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shelflife import Engine, RecordsError, Settings
from shelflife.testing import aged_file
from tests.integration.cli.conftest import Site
from tests.integration.engine.users import needs_root
from tests.integration.engine.volumes import mounted

_CONFIG = """\
storage:
  base_path: {base}
  default_areas: false
  areas: {{uploads: {{retention: 7d}}}}
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no cache here to outlive, and nothing comes late."""
    monkeypatch.setattr("shelflife.files.shared_trial._CACHED", 0.0)
    monkeypatch.setattr("shelflife.files.shared_trial._PATIENCE", 0.3)


@needs_root
@pytest.mark.parametrize(("kind", "locks"), [("bind", "keeps the other one out"), ("bindfs", "both get it")])
def test_what_two_mounts_know_of_each_other_is_tried_and_nothing_is_left(
    site: Site, tmp_path: Path, kind: str, locks: str
) -> None:
    with mounted(kind, tmp_path / "other") as other:
        base = tmp_path / "other.below"
        site.configure(_CONFIG.format(base=base))
        found = {
            finding["check"]: finding for finding in site.call("check", "--shared", str(other), "--json").json
        }
        assert os.listdir(base) == []
    assert found["flock of a file"]["message"] == found["flock of a directory"]["message"] == locks
    assert found["lease while the other one writes"]["message"] == "refused, as it should be"
    assert found["rename that replaces nothing"] == {
        "check": "rename that replaces nothing",
        "level": "ok",
        "message": "yes",
    }
    for what in ("file rewritten, by stat", "file rewritten, by a fresh look", "new entry, by a listing"):
        assert found[what]["message"].startswith("seen after 0.0")
    assert len(found) == 13


@pytest.mark.parametrize("other", ["unrelated", "missing"])
def test_what_is_no_mount_of_the_same_directory_is_refused(site: Site, tmp_path: Path, other: str) -> None:
    (tmp_path / "unrelated").mkdir()
    before = os.listdir(site.base)
    result = site.call("check", "--shared", str(tmp_path / other))
    assert (result.code, "not mounts of one directory" in result.out) == (2, True)
    assert os.listdir(site.base) == before


def test_a_second_machine_with_a_state_directory_of_its_own_is_refused(tmp_path: Path) -> None:
    """They would share the lock and the marker, but not the journal with the holds."""

    def machine(name: str) -> Engine:
        return Engine(
            Settings.build(base_path=tmp_path / "storage", state_dir=tmp_path / name, areas={"uploads": "7d"})
        )

    first, second = machine("first"), machine("second")
    first.create()
    first.cleanup()
    file = aged_file(tmp_path / "storage/uploads/due")
    first.hold(file)
    with pytest.raises(RecordsError, match="does not belong to the storage"):
        second.cleanup()
    assert [finding.check for finding in second.check() if finding.level == "error"] == ["journal"]
    assert file.exists()
    assert first.cleanup().removed == 0
