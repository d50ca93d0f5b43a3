"""Receiving: room before the first byte, a name after the last, and nothing left of what ended in between."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from shelflife import AlreadyThere, NoRoom, StorageError, UsageError
from shelflife.records.promises import promises_of
from shelflife.testing import MakeStorage, Storage

pytestmark = pytest.mark.usefixtures("kind")

HUGE = 10**15


def _files(storage: Storage) -> dict[str, bytes]:
    """Every file below the areas, drafts and trash included."""
    areas = [storage.base_path / area.path for area in storage.settings.areas.values()]
    found = [path for area in areas for path in area.rglob("*") if path.is_file()]
    return {str(path.relative_to(storage.base_path)): path.read_bytes() for path in found}


def _visible(storage: Storage) -> dict[str, bytes]:
    return {path: content for path, content in _files(storage).items() if "/.trash/" not in path}


def _promised(storage: Storage) -> list[tuple[str, int]]:
    state = storage.engine.state
    return [(promise.path, promise.promised) for promise in promises_of(state, storage.now())]


def test_a_file_is_there_when_it_is_published_and_not_before(storage: Storage) -> None:
    with storage.engine.receive("uploads", "4711/clip.mp4", size=8_192) as incoming:
        shutil.copyfileobj(io.BytesIO(b"x" * 8_192), incoming)
        assert _visible(storage) == {}
        assert _promised(storage) == [("uploads/4711/clip.mp4", 8_192)]
        path = incoming.publish()
    assert path == storage.path("uploads/4711/clip.mp4")
    assert _files(storage) == {"uploads/4711/clip.mp4": b"x" * 8_192}
    assert _promised(storage) == []


def test_nothing_is_left_of_what_was_not_published(storage: Storage) -> None:
    incoming = storage.engine.receive("uploads", "4711/clip.mp4", size=10_000)
    with suppress(ConnectionError), incoming:
        incoming.write(b"half")
        raise ConnectionError
    assert (_files(storage), _promised(storage), list(storage.path("uploads").glob("4*"))) == ({}, [], [])


def test_what_does_not_fit_is_refused_before_the_first_byte(storage: Storage) -> None:
    with pytest.raises(NoRoom, match=r"no room for uploads/clip\.mp4: it needs 1\.00 PB") as refused:
        storage.engine.receive("uploads", "clip.mp4", size=HUGE)
    assert refused.value.needed >= HUGE > refused.value.available > 0
    assert (_files(storage), _promised(storage)) == ({}, [])


def test_room_is_promised_step_by_step_where_the_size_is_not_known(storage: Storage) -> None:
    with storage.engine.receive("uploads", "clip.mp4") as incoming:
        for _ in range(10):
            incoming.write(b"x" * 100_000)
            assert incoming.promised >= incoming.size
        assert incoming.promised < 4 * 10**6
        incoming.publish()
    assert storage.path("uploads/clip.mp4").stat().st_size == 10**6


def test_what_does_not_fit_on_the_way_is_refused_and_can_be_given_up(storage: Storage) -> None:
    with storage.engine.receive("uploads", "clip.mp4") as incoming:
        incoming.write(b"x")
        with pytest.raises(NoRoom):
            incoming.reserve(HUGE)
        with pytest.raises(NoRoom):
            incoming.truncate(HUGE)
        assert incoming.size == 1
    assert _files(storage) == {}


def test_a_size_is_a_promise_and_no_limit(storage: Storage) -> None:
    with storage.engine.receive("uploads", "more.mp4", size=10) as incoming:
        incoming.write(b"x" * 100_000)
        incoming.publish()
    with storage.engine.receive("uploads", "less.mp4", size=10**6) as incoming:
        incoming.write(b"x")
        incoming.publish()
    more, less = (storage.path(f"uploads/{name}.mp4").stat() for name in ("more", "less"))
    assert (more.st_size, less.st_size) == (100_000, 1)
    assert less.st_blocks * 512 < 100_000


def test_it_is_a_file_like_any_other(storage: Storage) -> None:
    with storage.engine.receive("uploads", "a") as incoming:
        incoming.write(b"hello world")
        incoming.seek(6)
        incoming.write(b"there")
        incoming.seek(-5, os.SEEK_END)
        assert (incoming.read(), incoming.tell()) == (b"there", 11)
        incoming.truncate(5)
        incoming.seek(0)
        assert incoming.readall() == b"hello"
        incoming.publish()
        assert incoming.closed
        with pytest.raises(ValueError, match="published"):
            incoming.write(b"x")
    assert _visible(storage) == {"uploads/a": b"hello"}


def test_a_program_can_write_by_the_descriptor(storage: Storage) -> None:
    with storage.engine.receive("uploads", "a", size=100) as incoming:
        subprocess.run(["echo", "hello"], stdout=incoming.fileno(), check=True)
        incoming.publish()
    assert _visible(storage) == {"uploads/a": b"hello\n"}


def test_what_was_published_is_as_old_as_that_moment(storage: Storage) -> None:
    with storage.engine.receive("temp", "a") as incoming:
        incoming.write(b"x")
        os.utime(incoming.fileno(), (1, 1))  # the work on it took longer than files are kept
        incoming.publish()
    storage.engine.cleanup()
    assert _visible(storage) == {"temp/a": b"x"}


def test_a_name_that_is_taken_is_told_and_nothing_is_replaced(storage: Storage) -> None:
    storage.file("uploads/a", age=0, content=b"old")
    storage.path("uploads/d").mkdir()
    with storage.engine.receive("uploads", "a") as incoming, pytest.raises(AlreadyThere) as taken:
        incoming.publish()
    assert "uploads/a is there already (3 bytes)" in str(taken.value)
    with storage.engine.receive("uploads", "d") as incoming, pytest.raises(AlreadyThere, match="a directory"):
        incoming.publish(overwrite=True)
    assert _files(storage) == {"uploads/a": b"old"}


def test_after_a_name_was_taken_it_can_be_published_all_the_same(storage: Storage) -> None:
    old = storage.file("uploads/a", age=0, content=b"old")
    with storage.engine.receive("uploads", "a") as incoming:
        incoming.write(b"new")
        with pytest.raises(AlreadyThere):
            incoming.publish()
        old.unlink()
        incoming.publish()
    assert _files(storage) == {"uploads/a": b"new"}


def test_what_is_overwritten_goes_to_the_trash_and_comes_back(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": {"retention": "7d", "trash": "1d"}})
    for content in (b"one", b"two", b"three"):
        with storage.engine.receive("uploads", "4711/a") as incoming:
            incoming.write(content)
            incoming.publish(overwrite=True)
    assert _visible(storage) == {"uploads/4711/a": b"three"}
    assert sorted(_files(storage).values()) == [b"one", b"three", b"two"]
    assert [file.path for file in storage.engine.trash()] == ["uploads/4711/a"] * 2
    storage.engine.restore("uploads/4711/a", to="uploads/4711/b")
    assert _visible(storage) == {"uploads/4711/a": b"three", "uploads/4711/b": b"two"}
    storage.tick("2d")
    storage.engine.cleanup()
    assert _files(storage) == _visible(storage)


def test_without_a_trash_what_is_overwritten_is_gone(storage: Storage) -> None:
    storage.file("uploads/4711/a", age=0, content=b"old")
    with storage.engine.receive("uploads", "4711/a") as incoming:
        incoming.write(b"new")
        incoming.publish(overwrite=True)
    assert _files(storage) == {"uploads/4711/a": b"new"}


def test_what_a_person_holds_is_not_overwritten(storage: Storage) -> None:
    storage.file("uploads/4711/a", age=0, content=b"old")
    storage.engine.hold("uploads/4711", reason="evidence")
    with (
        storage.engine.receive("uploads", "4711/a") as incoming,
        pytest.raises(UsageError, match="is held \\(evidence\\)"),
    ):
        incoming.publish(overwrite=True)
    assert _files(storage) == {"uploads/4711/a": b"old"}


@pytest.mark.parametrize(
    "path", ["", ".", "..", "../x", "/etc/x", "a//b", "a/", "a/../b", ".trash/x", "x\0y", "n" * 256]
)
def test_what_is_no_name_for_a_file_in_an_area_is_refused(storage: Storage, path: str) -> None:
    with pytest.raises(UsageError):
        storage.engine.receive("uploads", path)
    assert _promised(storage) == []


def test_names_may_be_any_bytes(storage: Storage) -> None:
    name = os.fsdecode(b"caf\xe9\n.mp4")
    with storage.engine.receive("uploads", name) as incoming:
        assert [path for path, _ in _promised(storage)] == [f"uploads/{name}"]
        incoming.publish()
    assert list(_visible(storage)) == [f"uploads/{name}"]


def test_what_leads_away_is_not_followed(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    storage.path("uploads/link").symlink_to(tmp_path / "elsewhere")
    storage.file("uploads/file", age=0)
    for path in ("link/a", "file/a"):
        with (
            storage.engine.receive("uploads", path) as incoming,
            pytest.raises(UsageError, match="is not a directory"),
        ):
            incoming.publish()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_area_that_was_moved_away_gets_nothing(storage: Storage) -> None:
    with storage.engine.receive("uploads", "a") as incoming:
        storage.path("uploads").rename(storage.path("gone"))
        with pytest.raises(StorageError, match="moved or replaced"):
            incoming.publish()
        storage.path("gone").rename(storage.path("uploads"))
        incoming.publish()
    assert list(_visible(storage)) == ["uploads/a"]


def test_an_area_without_its_directory_is_told(storage: Storage) -> None:
    storage.path("uploads").rmdir()
    with pytest.raises(StorageError, match="uploads, the directory of the area uploads"):
        storage.engine.receive("uploads", "a")
    with pytest.raises(UsageError, match="not a size"):
        storage.engine.receive("frames", "a", size=-1)


def test_an_area_with_a_share_of_the_room_leaves_the_rest_to_others(make_storage: MakeStorage) -> None:
    storage = make_storage(
        {"uploads": {"retention": "7d", "receive_share": "1%"}, "outputs": {"retention": -1}}
    )
    room = os.statvfs(storage.base_path)
    part = room.f_bavail * room.f_frsize // 10
    with pytest.raises(NoRoom, match="its area has its share of the room"):
        storage.engine.receive("uploads", "a", size=part)
    if part < 10**10:  # no more than that is set aside for a test
        storage.engine.receive("outputs", "a", size=part).close()


def test_what_is_more_than_a_quota_is_never_received(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": {"retention": "7d", "quota": "1MB"}})
    with pytest.raises(NoRoom, match="more than its quota") as refused:
        storage.engine.receive("uploads", "a", size=2 * 10**6)
    assert refused.value.again is None


def test_a_cleanup_takes_nothing_that_is_being_received(storage: Storage) -> None:
    with storage.engine.receive("temp", "a", size=10_000) as incoming:
        incoming.write(b"x")
        storage.tick("90d")
        storage.engine.cleanup()
        storage.engine.empty_trash()
        incoming.publish()
    assert _visible(storage) == {"temp/a": b"x"}


@pytest.mark.anyio
async def test_its_twin_does_the_same(storage: Storage) -> None:
    async with storage.engine.areceive("uploads", "a", size=10) as incoming:
        assert await incoming.write(b"hello") == 5
        path = await incoming.publish()
    assert (path, _files(storage)) == (storage.path("uploads/a"), {"uploads/a": b"hello"})
    with suppress(ConnectionError):
        async with storage.engine.areceive("uploads", "b") as incoming:
            await incoming.write(b"half")
            raise ConnectionError
    assert (list(_files(storage)), _promised(storage)) == (["uploads/a"], [])


def test_a_cleanup_takes_away_what_a_killed_process_left(storage: Storage) -> None:
    incoming = storage.path("temp/.trash/.incoming")
    incoming.mkdir(parents=True)
    (incoming / "0123456789abcdef").write_bytes(b"half")
    storage.engine.cleanup()
    assert list(incoming.iterdir()) == []
