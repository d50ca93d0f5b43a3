"""On random trees, policies and times: every file has one fate, the plan said which, the trash gives it back."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shelflife import Engine, Settings
from shelflife.files.removal import Result
from shelflife.policy.rules import KEEP_FILE
from shelflife.testing import aged_file, set_age

_NAMES = ["a", "b", "c.keep", "new\nline", "byte\udcff", KEEP_FILE, "x" * 255]
_DAYS = [0, 1, 6.999, 7.001, 30]

names = st.sampled_from(_NAMES)
directories = st.lists(st.sampled_from(["a", "b", "é"]), max_size=3).map("/".join)
files = st.dictionaries(st.tuples(directories, names), st.sampled_from(_DAYS), max_size=14)
policies = st.fixed_dictionaries(
    {
        "retention": st.sampled_from(["7d", "1d", 0]),
        "expire": st.sampled_from(["file", "directory"]),
        "protect": st.sampled_from([[], ["*.keep"], ["a/"], ["*", "!b"]]),
        "in_use": st.sampled_from(["check", "off"]),
    }
)
quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True, slots=True)
class World:
    """A storage of one area, at one moment."""

    base: Path
    engine: Engine

    def files(self) -> dict[str, tuple[bytes, int, int]]:
        """Return the files of the area that are in their place: content, mtime and mode."""
        found = {}
        for top, below, there in os.walk(self.base / "media"):
            if top == str(self.base / "media") and ".trash" in below:
                below.remove(".trash")
            for name in there:
                path = Path(top, name)
                status = path.stat()
                key = str(path.relative_to(self.base))
                found[key] = (path.read_bytes(), status.st_mtime_ns, status.st_mode)
        return found


def _world(
    directory: str, tree: dict[tuple[str, str], float], policy: dict[str, object], trash: object
) -> World:
    now = time.time_ns() + 1_000_000_000
    base = Path(directory) / "storage"
    area = policy | {"trash": trash}
    engine = Engine(Settings.build(base_path=base, areas={"media": area}), clock=lambda: now)
    engine.create()
    for number, ((place, name), age) in enumerate(tree.items()):
        path = base / "media" / place / name
        if not path.parent.is_dir() and any(parent.is_file() for parent in path.parents):
            continue
        if path.is_dir():
            continue
        aged_file(path, age=age * 86_400, content=f"{number}".encode(), now=now)
        path.chmod(0o600 + number % 64)
    for top, _, _ in os.walk(base / "media"):
        set_age(Path(top), "40d", now=now)
    return World(base, engine)


@quick
@given(tree=files, policy=policies, trash=st.sampled_from([0, "3d"]))
def test_every_file_has_one_fate_and_the_plan_said_which(
    tree: dict[tuple[str, str], float], policy: dict[str, object], trash: object
) -> None:
    with TemporaryDirectory() as directory:
        world = _world(directory, tree, policy, trash)
        before = world.files()
        plan = world.engine.plan()
        planned = {file.path for file in world.engine.files(plan)}
        assert world.files() == before, "a plan changes nothing"

        report = world.engine.cleanup()
        after = world.files()
        outcomes = {record.path: record.result for record in world.engine.run_files(report.run)}
        gone = {path for path, result in outcomes.items() if result in (Result.REMOVED, Result.TRASHED)}
        waiting = {file.path for file in world.engine.trash()}

        assert set(before) == set(after) | gone
        assert not set(after) & gone
        assert {path: before[path] for path in after} == after
        assert gone == planned
        assert len(planned) == plan.files
        assert waiting == (gone if trash else set())
        counts = [report.total(name) for name in ("kept", "removed", "trashed", "displaced", "failed")]
        assert sum(counts) == report.total("scanned") == plan.scanned
        assert report.total("scanned") == sum(not path.endswith(KEEP_FILE) for path in before)
        assert not any(path.endswith(KEEP_FILE) for path in gone)


@quick
@given(tree=files, policy=policies, trash=st.sampled_from([0, "3d"]))
def test_running_twice_is_running_once(
    tree: dict[tuple[str, str], float], policy: dict[str, object], trash: object
) -> None:
    with TemporaryDirectory() as directory:
        world = _world(directory, tree, policy, trash)
        world.engine.cleanup()
        after = world.files()
        again = world.engine.cleanup()
        assert [again.total(name) for name in ("removed", "trashed", "links", "purged", "failed")] == [0] * 5
        assert world.files() == after


@quick
@given(tree=files, policy=policies)
def test_what_was_trashed_and_restored_is_as_it_was(
    tree: dict[tuple[str, str], float], policy: dict[str, object]
) -> None:
    with TemporaryDirectory() as directory:
        world = _world(directory, tree, policy, "3d")
        before = world.files()
        report = world.engine.cleanup()
        if report.total("trashed"):
            assert len(world.engine.restore(str(report.run))) == report.total("trashed")
        assert world.files() == before
        assert not (world.base / "media/.trash").exists()
        if policy["retention"] == 0:
            return  # held for one retention, which is no time at all
        world.engine.cleanup()
        assert {path: before[path] for path in world.files()} == before
