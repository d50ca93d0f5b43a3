"""Without its journal a storage's holds are unknown: nothing is removed then."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shelflife import Engine, RecordsError, Settings, StorageError
from shelflife.testing import MakeStorage, Storage, aged_file
from tests.integration.engine.users import needs_root
from tests.integration.engine.volumes import mounted


@pytest.fixture
def known(make_storage: MakeStorage) -> Storage:
    """A storage that was cleaned once, and has an expired file again."""
    storage = make_storage({"media": "7d"})
    storage.engine.cleanup()
    storage.file("media/file")
    return storage


def _remove_journal(storage: Storage) -> None:
    for file in storage.engine.state.path.glob("journal.db*"):
        file.unlink()


def _replace_journal(storage: Storage) -> None:
    _remove_journal(storage)
    other = Engine(storage.settings.replace(base_path=storage.base_path.with_name("other")))
    other.create()
    other.cleanup()
    os.rename(other.state.journal, storage.engine.state.journal)


def _empty_journal(storage: Storage) -> None:
    _remove_journal(storage)
    storage.engine.state.journal.touch()


def _break_journal(storage: Storage) -> None:
    storage.engine.state.journal.write_bytes(b"\0" * 10_000)


def _remove_marker(storage: Storage) -> None:
    storage.engine.state.marker.unlink()


def _replace_marker(storage: Storage) -> None:
    storage.engine.state.marker.write_text("c2f1a3ae-0000-4000-8000-000000000000\n")


def _break_marker(storage: Storage) -> None:
    storage.engine.state.marker.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize(
    "harm",
    [
        _remove_journal,
        _replace_journal,
        _empty_journal,
        _break_journal,
        _remove_marker,
        _replace_marker,
        _break_marker,
    ],
)
def test_a_journal_that_is_lost_broken_or_anothers_removes_nothing(
    known: Storage, harm: Callable[[Storage], None]
) -> None:
    harm(known)
    acts: list[Callable[[], object]] = [known.engine.cleanup, known.engine.empty_trash]
    acts.append(lambda: known.engine.execute(known.engine.plan()))
    for act in acts:
        with pytest.raises(RecordsError):
            act()
    assert known.files() == ["media/file"]


@pytest.mark.parametrize("harm", [_remove_journal, _replace_journal, _remove_marker, _replace_marker])
def test_a_person_may_say_that_it_is_meant(known: Storage, harm: Callable[[Storage], None]) -> None:
    harm(known)
    known.engine.adopt()
    assert known.engine.cleanup().removed == 1


def test_a_first_use_that_was_interrupted_is_no_foreign_storage(make_storage: MakeStorage) -> None:
    storage = make_storage({"media": "7d"})
    file = storage.file("media/file")
    storage.engine.state.create()
    storage.engine.state.marker.with_name("marker").mkdir()  # the journal gets its name, the marker cannot
    with pytest.raises(RecordsError):
        storage.engine.hold(file)
    storage.engine.state.marker.rmdir()
    storage.engine.hold(file)
    storage.engine.cleanup()
    assert file.exists()


def test_first_uses_at_the_same_moment_agree_on_one_name(make_storage: MakeStorage) -> None:
    storage = make_storage({"media": "7d"})
    files = [storage.file(f"media/{number}") for number in range(8)]
    faults: list[Exception] = []

    def hold(file: Path) -> None:
        try:
            storage.engine.hold(file)
        except RecordsError as error:
            faults.append(error)

    threads = [threading.Thread(target=hold, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    storage.engine.cleanup()
    assert len(storage.files()) == 8
    assert [file.name for file in storage.engine.state.home.glob("marker*")] == ["marker"]


def test_a_volume_that_is_not_mounted_is_no_empty_storage(make_storage: MakeStorage) -> None:
    storage = make_storage({"media": "7d"})
    storage.file("media/file")
    engine = Engine(Settings.build(base_path=storage.base_path, areas={"media": "7d"}, require_mount=True))
    for use in (engine.cleanup, engine.plan, engine.create):
        with pytest.raises(StorageError, match="not a mount point"):
            use()
    assert storage.files() == ["media/file"]
    assert not storage.settings.state_path.exists()


@needs_root
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_a_bind_mount_is_a_mount_and_what_is_below_one_is_not(tmp_path: Path, kind: str) -> None:
    with mounted(kind, tmp_path / "volume") as volume:
        engine = Engine(Settings.build(base_path=volume, areas={"media": "7d"}, require_mount=True))
        engine.create()
        aged_file(volume / "media/file")
        assert engine.cleanup().removed == 1
        below = Engine(Settings.build(base_path=volume / "below", areas={"media": "7d"}, require_mount=True))
        with pytest.raises(StorageError, match="its volume is not mounted"):
            below.create()
        assert not (volume / "below").exists()


@needs_root
def test_before_linux_5_8_a_mount_is_known_by_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelflife.storage.areas.is_mount_root", lambda fd: None)
    with mounted("tmpfs", tmp_path / "volume") as volume:
        settings = Settings.build(base_path=volume, areas={"media": "7d"}, require_mount=True)
        assert Engine(settings).create()
    with pytest.raises(StorageError, match="not a mount point"):
        Engine(settings).create()
