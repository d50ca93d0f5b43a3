#!/usr/bin/env python3
"""Check that the configured storage works: its directories, statistics, cleanup and scheduler.

    python verify_storage.py [--dry-run] [--skip-cleanup] [--skip-scheduler]

Exits with 0 only when every check that was made has passed.

No file of the storage is ever removed. What expires there is only previewed; for that, a file of this
program's own is put into an area, made older than the area's retention, must be named by the preview, and is
taken away again. Whether a cleanup removes what it should is tried in a small storage of its own, in the
state directory: the same file system, the same settings, and no trace in the history. With `--dry-run`
nothing is removed, and nothing made but the index; what would need more is left out.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shelflife.errors import ShelflifeError

if TYPE_CHECKING:
    from api.storage import StorageManager
    from shelflife.settings import Settings

_MARGIN = 3600
"""Seconds by which a file of ours is older, or younger, than its area's retention."""


class Failed(Exception):  # noqa: N818 - the outcome of a check, not a fault of this program
    """A check has not passed; the message says why."""


class Skipped(Exception):  # noqa: N818 - likewise
    """A check was not made; the message says why."""


# -- the checks: each returns what it found, or raises


def check_configuration() -> str:
    """Read the configuration."""
    from api.config import config

    return str(config.config_path or "no file: defaults and environment")


def check_directories(manager: StorageManager, *, dry_run: bool) -> str:
    """Make the directories where they are missing, and see that they can be used."""
    if not dry_run:
        manager.ensure_directories()
    wrong = [
        f"{found['path']}: {what}"
        for found in manager.validate_paths().values()
        for what in [_fault_of(found)]
        if what
    ]
    if wrong:
        raise Failed("; ".join(wrong))
    return f"{len(manager.settings.areas)} areas in {manager.base_path}"


def check_statistics(manager: StorageManager) -> str:
    """Count what is there."""
    stats = manager.get_storage_stats()
    wrong = [f"{name}: {area['error']}" for name, area in stats["directories"].items() if "error" in area]
    if wrong:
        raise Failed("; ".join(wrong))
    return f"{stats['total_files']} files, {stats['total_size_human']}"


def check_preview(manager: StorageManager, *, dry_run: bool) -> str:
    """Preview a cleanup; it must name a file of ours that has expired."""
    if dry_run:
        return _previewed(manager.cleanup_all(dry_run=True))
    areas = manager.settings.areas.items()
    area = next((name for name, area in areas if not area.is_indefinite and _by_mtime(area)), None)
    if area is None:
        return _previewed(manager.cleanup_all(dry_run=True))
    with _expired_file(manager.settings, area) as path:
        result = manager.cleanup_directory(area, dry_run=True)
        answer = manager.engine.why(path)
        if answer.state not in ("expired", "removed"):
            raise Failed(f"an expired file in {area} would stay: {' '.join(answer.sentences)}")
        named = result["files_truncated"] or str(path) in [file["path"] for file in result["files"]]
        if not named and path.exists():
            raise Failed(f"the preview does not name {path}, which has expired")
    return _previewed(manager.cleanup_all(dry_run=True))


def check_cleanup(manager: StorageManager, *, dry_run: bool) -> str:
    """Clean up a small storage of our own: what has expired must go, and nothing else."""
    from shelflife import Engine

    if dry_run:
        raise Skipped("it would create and remove files of its own")
    with _scratch(manager.settings) as settings:
        expired, staying = _fill(settings)
        Engine(settings).cleanup()
        left = [path for path in expired if path.exists()]
        gone = [path for path in staying if not path.exists()]
    if left or gone:
        raise Failed(f"left, though expired: {_names(left)}; gone, though not: {_names(gone)}")
    return f"{len(expired)} expired files of its own removed, {len(staying)} others kept"


def check_metrics() -> str:
    """Ask the scheduler what it knows."""
    from api.scheduler import get_scheduler

    metrics = get_scheduler().get_metrics()
    state = f"schedule {metrics['schedule']}" if metrics["enabled"] else "disabled by cleanup.enabled"
    last = metrics["last_run"] or "never"
    return f"{state}; last run {last}; {metrics['total_runs']} runs so far"


def check_scheduler(manager: StorageManager, *, dry_run: bool) -> str:
    """Start a scheduler for a small storage of our own, have it run once, and stop it."""
    from shelflife import Engine

    if dry_run:
        raise Skipped("it would create and remove files of its own")
    with _scratch(manager.settings, enabled=True) as settings:
        engine = Engine(settings)
        scheduler = engine.scheduler()
        if not scheduler.start():
            raise Failed("the scheduler does not start")
        following = scheduler.next_slot
        scheduler.run_now()
        if not scheduler.stop() or scheduler.running:
            raise Failed("the scheduler does not stop")
        if engine.totals().runs != 1:
            raise Failed(f"the journal counts {engine.totals().runs} runs instead of 1")
    when = (
        "never" if following is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(following // 10**9))
    )
    return f"starts, runs and stops; the next slot of the schedule is {when}"


# -- what they use


def _fault_of(found: dict[str, object]) -> str:
    if not found["exists"]:
        return "is missing"
    if not found["is_directory"]:
        return "is not a directory"
    return "" if found["readable"] and found["writable"] else "cannot be read and written by this user"


def _previewed(result: dict[str, object]) -> str:
    if errors := result["errors"]:
        raise Failed("; ".join(map(str, errors if isinstance(errors, list) else [errors])))
    return f"{result['would_delete']} of {result['total_scanned']} files have expired"


@contextmanager
def _expired_file(settings: Settings, area: str) -> Iterator[Path]:
    """Put a file into an area that is older than its retention, and take it away again."""
    path = settings.base_path / settings.areas[area].path / f"verify-storage-{secrets.token_hex(8)}.tmp"
    try:
        with path.open("xb"):
            pass
        _set_age(path, settings.areas[area].retention + _MARGIN)
        yield path
    finally:
        with suppress(FileNotFoundError):  # somebody's cleanup has found it
            path.unlink()


@contextmanager
def _scratch(settings: Settings, *, enabled: bool = False) -> Iterator[Settings]:
    """Make a storage with the same rules in the state directory, and remove it again."""
    from shelflife import Engine

    engine = Engine(settings)
    engine.state.create()
    base = Path(tempfile.mkdtemp(prefix="verify-", dir=settings.state_path))
    changed = {
        "base_path": base,
        "state_dir": None,
        "require_mount": False,  # it is on the storage's own volume
        "cleanup": settings.cleanup.but(dry_run=False, enabled=enabled),
    }
    try:
        own = settings.but(**changed)
        Engine(own).create()
        yield own
    finally:
        shutil.rmtree(base)


def _fill(settings: Settings) -> tuple[list[Path], list[Path]]:
    """Put an expired file and a young one into each area; return which should go, and which stay."""
    expired: list[Path] = []
    staying: list[Path] = []
    for area in settings.areas.values():
        for name, age in (("old.tmp", max(area.retention, 0) + _MARGIN), ("young.tmp", -_MARGIN)):
            path = settings.base_path / area.path / name
            path.touch()
            _set_age(path, age)
            goes = name == "old.tmp" and not area.is_indefinite and not area.protect and _by_mtime(area)
            (expired if goes else staying).append(path)
    return expired, staying


def _by_mtime(area: object) -> bool:
    """Whether a file can be given its age: nobody can set the time of its last change (ctime)."""
    return getattr(area, "age_from", "modified") == "modified"


def _set_age(path: Path, seconds: int) -> None:
    modified = time.time() - seconds
    os.utime(path, (modified, modified))


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(f"{path.parent.name}/{path.name}" for path in paths) or "none"


# -- the program


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the checks, print what came of each, and return what the program exits with."""
    options = _options(arguments)
    outcomes = [_outcome("configuration", check_configuration)]
    if outcomes[0] is not False:
        outcomes += [_outcome(name, check) for name, check in _checks(options)]
    made = [outcome for outcome in outcomes if outcome is not None]
    skipped = f", {len(outcomes) - len(made)} skipped" if len(made) < len(outcomes) else ""
    print(f"\n{sum(made)} of {len(made)} checks passed{skipped}")
    return 0 if all(made) else 1


def _options(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(description="Check that the configured storage works.")
    parser.add_argument("--dry-run", action="store_true", help="create and remove nothing")
    parser.add_argument("--skip-cleanup", action="store_true", help="leave the cleanup out")
    parser.add_argument("--skip-scheduler", action="store_true", help="leave the scheduler out")
    return parser.parse_args(arguments)


def _checks(options: Namespace) -> Iterator[tuple[str, Callable[[], str]]]:
    from api.storage import StorageManager

    manager, dry_run = StorageManager(), options.dry_run
    yield "directories", lambda: check_directories(manager, dry_run=dry_run)
    yield "statistics", lambda: check_statistics(manager)
    if not options.skip_cleanup:
        yield "preview", lambda: check_preview(manager, dry_run=dry_run)
        yield "cleanup", lambda: check_cleanup(manager, dry_run=dry_run)
    if not options.skip_scheduler:
        yield "metrics", check_metrics
        yield "scheduler", lambda: check_scheduler(manager, dry_run=dry_run)


def _outcome(name: str, check: Callable[[], str]) -> bool | None:
    """Make a check, print what came of it, and return whether it passed; None when it was not made."""
    try:
        print(f"✓ {name}: {check()}")
    except Skipped as reason:
        print(f"– {name}: skipped, {reason}")
        return None
    except (Failed, ShelflifeError, OSError) as error:
        print(f"✗ {name}: {error}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
