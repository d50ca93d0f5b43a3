"""What holds for every storage, whatever is in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shelflife import Engine, Settings
from shelflife.files.removal import Result
from shelflife.policy.load import Load
from shelflife.records.records import open_records

_NOW = 1_900_000_000 * 10**9
_DAY = 86_400 * 10**9
_HOUR = 3_600 * 10**9


@dataclass(frozen=True)
class _File:
    directory: str
    name: str
    age: int
    kind: str


_names = st.sampled_from(["a", "a-b", "b.keep", ".gitkeep", "new\nline", "byte\udcff", "c"])
_files = st.builds(
    _File,
    directory=st.lists(st.sampled_from(["x", "x-", "y", "z\udc80"]), max_size=3).map("/".join),
    name=_names,
    age=st.sampled_from([0, _DAY, 7 * _DAY - 1, 7 * _DAY, 7 * _DAY + 1, 30 * _DAY]),
    kind=st.sampled_from(["file", "file", "file", "link", "fifo"]),
)
_trees = st.lists(_files, max_size=15)
_areas = st.fixed_dictionaries(
    {
        "expire": st.sampled_from(["file", "directory"]),
        "protect": st.sampled_from([[], ["*.keep"], ["/x/"], ["*", "!a"]]),
        "trash": st.sampled_from([0, "1d"]),
    }
)


@contextmanager
def _storage(tree: list[_File], area: dict[str, object]) -> Iterator[Engine]:
    base = Path(tempfile.mkdtemp(prefix="shelflife-test-"))
    try:
        (base / "frames").mkdir()
        for file in tree:
            _make(base / "frames" / file.directory, file)
        build = Settings.build(base_path=base, areas={"frames": {"retention": "7d", **area}})
        yield Engine(build, clock=lambda: _NOW)
    finally:
        shutil.rmtree(base)


def _make(directory: Path, file: _File) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / file.name
    if os.path.lexists(path):
        return
    if file.kind == "file":
        path.write_bytes(b"12345")
    elif file.kind == "link":
        path.symlink_to("nowhere")
    else:
        os.mkfifo(path)
    os.utime(path, ns=(0, _NOW - file.age), follow_symlinks=False)


def _regular(engine: Engine) -> set[str]:
    """The regular files of the area that count: neither `.gitkeep` nor what is in the trash."""
    base = engine.settings.base_path
    return {
        str(path.relative_to(base))
        for path in (base / "frames").rglob("*")
        if path.is_file() and not path.is_symlink() and path.name != ".gitkeep" and ".trash" not in path.parts
    }


_examples = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@_examples
@given(tree=_trees, area=_areas)
def test_the_plan_is_what_the_run_does_and_nothing_is_lost_in_between(
    tree: list[_File], area: dict[str, object]
) -> None:
    with _storage(tree, area) as engine:
        before = _regular(engine)
        plan = engine.plan()
        planned = {file.path for file in engine.files(plan) if not file.link}
        report = engine.cleanup()
        after = _regular(engine)
        gone = {
            file.path
            for file in engine.run_files(report.run)
            if file.result in (Result.REMOVED, Result.TRASHED)
        }
        assert before - after == planned
        assert planned <= gone  # which has links too
        assert plan.files == len(planned) == report.removed + report.total("trashed")
        assert plan.scanned == len(before) == report.total("scanned")
        assert report.total("kept") == len(after)
        assert (report.failed, report.total("displaced"), report.errors) == (0, 0, [])


@_examples
@given(tree=_trees, area=_areas)
def test_after_a_run_nothing_is_due_any_more(tree: list[_File], area: dict[str, object]) -> None:
    with _storage(tree, area) as engine:
        engine.cleanup()
        assert engine.plan().files == 0
        again = engine.cleanup()
        assert (again.removed, again.total("trashed"), again.total("links")) == (0, 0, 0)


@_examples
@given(tree=_trees, area=_areas)
def test_statistics_are_what_is_on_disk_before_and_after(tree: list[_File], area: dict[str, object]) -> None:
    with _storage(tree, area) as engine:
        for _ in range(2):
            counted = engine.stats(refresh=True)
            assert counted.files == len(_regular(engine))
            assert counted.bytes == 5 * counted.files
            engine.cleanup()
            assert engine.stats().files == len(_regular(engine))  # without another look at the disk


_changes = st.lists(
    st.tuples(st.sampled_from(["younger", "add", "remove", "rename"]), st.integers(0, 30)), max_size=4
)


@_examples
@given(
    files=st.lists(st.tuples(st.sampled_from(["", "x", "x/y", "z"]), st.integers(0, 200)), max_size=30),
    changes=_changes,
    hours=st.lists(st.integers(1, 300), min_size=1, max_size=3),
)
def test_as_time_passes_what_goes_is_what_has_expired(
    files: list[tuple[str, int]], changes: list[tuple[str, int]], hours: list[int]
) -> None:
    """Most of it is known from the index by then, and need not be read to its end."""
    tree = [_File(directory, f"{n}", age * _HOUR, "file") for n, (directory, age) in enumerate(files)]
    with _storage(tree, {"in_use": "off"}) as made:
        now = _NOW - 3 * _DAY
        engine = Engine(made.settings, clock=lambda: now)
        engine.cleanup()
        for later in hours:
            for kind, number in changes:
                _change(sorted(_regular(engine)), engine.settings.base_path, kind, number)
            now += later * _HOUR
            expired = {path for path in _regular(engine) if _time(engine, path) < now - 7 * _DAY}
            before = _regular(engine)
            plan = engine.plan()
            assert plan.files == len(expired)
            assert engine.cleanup().removed == len(expired)
            assert before - _regular(engine) == expired
            left = engine.stats()  # without another look at the disk
            assert (left.files, left.bytes) == (len(before - expired), 5 * len(before - expired))
            if all(kind != "younger" for kind, _ in changes):  # which the index may not notice, as promised
                hours_left = Counter(_time(engine, path) // _HOUR for path in _regular(engine))
                assert {hour: load.files for hour, load in _hours(engine).items()} == hours_left


def _time(engine: Engine, path: str) -> int:
    return (engine.settings.base_path / path).stat().st_mtime_ns


def _hours(engine: Engine) -> dict[int, Load]:
    with open_records(engine.settings).read_index() as index:
        root = None if index is None else index.find("frames")
        return {} if index is None or root is None else index.hours(root)


def _change(paths: list[str], base: Path, kind: str, number: int) -> None:
    if not paths:
        return
    path = base / paths[number % len(paths)]
    if kind == "younger":
        os.utime(path, ns=(_NOW, _NOW))
    elif kind == "add":
        path.with_name(f"{path.name}+").write_bytes(b"12345")
        os.utime(path.with_name(f"{path.name}+"), ns=(0, _NOW - number * _DAY))
    elif kind == "remove":
        path.unlink()
    else:
        path.rename(path.with_name(f"{path.name}-"))


@_examples
@given(tree=_trees, protect=st.sampled_from([["*.keep"], ["/x/"], ["*", "!a"]]))
def test_expired_files_stay_only_for_a_reason(tree: list[_File], protect: list[str]) -> None:
    with _storage(tree, {"protect": protect}) as engine:
        engine.cleanup()
        rules = engine.areas["frames"].rules
        for path in _regular(engine):
            expired = (engine.settings.base_path / path).stat().st_mtime_ns < _NOW - 7 * _DAY
            assert not expired or rules.protecting(path.removeprefix("frames/"))
