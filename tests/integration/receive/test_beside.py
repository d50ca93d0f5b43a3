"""Beside others: cleanups of ours and of others, writers in other processes, other file systems."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shelflife import Engine, NoRoom, Settings
from shelflife.records.promises import promises_of
from shelflife.testing import MakeStorage, Storage
from tests.integration.pressure.conftest import MountStorage

MB = 1024 * 1024


def test_no_cleanup_takes_what_is_half_written_or_just_published(storage: Storage, kind: str) -> None:
    storage.engine.create()
    over = threading.Event()
    old = f"find {storage.path('temp')} -not -path '*/.trash/*' -mmin +60 -delete"

    def clean_up() -> None:
        while not over.is_set():
            storage.engine.cleanup()
            storage.engine.empty_trash()
            subprocess.run(["sh", "-c", old], check=False, stderr=subprocess.DEVNULL)

    def write(number: int) -> None:
        with storage.engine.receive("temp", f"{number % 4}/{number}", size=20_000) as incoming:
            for _ in range(4):
                incoming.write(b"%05d" % number * 1_000)
                os.utime(incoming.fileno(), (1, 1))  # it would be long due, if anybody saw it
            incoming.publish()

    cleaner = threading.Thread(target=clean_up)
    cleaner.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(80)))
    finally:
        over.set()
        cleaner.join()
    for number in range(80):
        content = storage.path(f"temp/{number % 4}/{number}").read_bytes()
        assert content == b"%05d" % number * 4_000


_UPLOAD = """
import sys
from shelflife import Engine, NoRoom, Settings
engine = Engine(Settings.build(base_path=sys.argv[1], areas={"uploads": "7d"}))
print("ready", flush=True)
sys.stdin.readline()
try:
    with engine.receive("uploads", sys.argv[2], size=int(sys.argv[3])) as incoming:
        incoming.write(b"x" * int(sys.argv[3]))
        incoming.publish()
    print("done")
except NoRoom:
    print("refused")
"""


@pytest.mark.root
def test_writers_in_several_processes_get_together_what_there_is(mount_storage: MountStorage) -> None:
    storage = mount_storage({"uploads": "7d"}, options="size=20m")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _UPLOAD, storage.base_path, str(number), str(8 * MB)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    done = sorted(writer.communicate()[0].strip() for writer in writers)
    assert done == ["done", "done", "refused", "refused"]
    assert [path.stat().st_size for path in storage.path("uploads").iterdir()] == [8 * MB] * 2
    assert promises_of(storage.engine.state, storage.now()) == []


def test_an_area_that_is_all_of_the_base_path_receives_too(make_storage: MakeStorage, kind: str) -> None:
    storage = make_storage({"media": {"path": ".", "retention": "7d", "trash": "1d"}})
    for content in (b"old", b"new"):
        with storage.engine.receive("media", "4711/a") as incoming:
            incoming.write(content)
            incoming.publish(overwrite=True)
    name = storage.engine.reserve("media", "4711/b").name
    with storage.engine.resume(name) as incoming:
        incoming.publish()
    assert storage.path("4711/a").read_bytes() == b"new"
    assert storage.path("4711/b").exists()
    assert [file.path for file in storage.engine.trash()] == ["4711/a"]
    with pytest.raises(ValueError, match="belongs to the storage itself"):
        storage.engine.receive("media", ".shelflife/journal.db")


@pytest.mark.root
@pytest.mark.skipif(shutil.which("bindfs") is None, reason="bindfs is not installed")
def test_on_a_file_system_without_nameless_files_it_is_the_same(tmp_path: Path) -> None:
    real, view = tmp_path / "real", tmp_path / "view"
    real.mkdir()
    view.mkdir()
    if subprocess.run(["bindfs", real, view], check=False).returncode:
        pytest.skip("may not mount anything")
    try:
        areas = {"uploads": {"retention": "7d", "trash": "1d"}}
        engine = Engine(Settings.build(base_path=view / "s", state_dir=tmp_path / "state", areas=areas))
        engine.create()
        with engine.receive("uploads", "a", size=100_000) as incoming:
            incoming.write(b"x" * 50_000)
            (promise,) = promises_of(engine.state, engine.now())
            assert promise.hidden > 0  # what the file system cannot set aside, the ledger counts
            incoming.publish()
        with engine.receive("uploads", "a") as incoming:
            incoming.write(b"new")
            incoming.publish(overwrite=True)
        with pytest.raises(NoRoom):
            engine.receive("uploads", "b", size=10**15)
        name = engine.reserve("uploads", "c", size=8 * MB).name
        with engine.resume(name) as incoming:
            for _ in range(6):
                incoming.write(b"x" * MB)
        (promise,) = promises_of(engine.state, engine.now())
        assert promise.hidden == 2 * MB  # what is written shows
        engine.give_up(name)
        assert (view / "s/uploads/a").read_bytes() == b"new"
        assert [(file.path, file.size) for file in engine.trash()] == [("uploads/a", 50_000)]
        assert list((view / "s/uploads/.trash/.incoming").iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", view], check=True)
