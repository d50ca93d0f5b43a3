from __future__ import annotations

import pickle
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from shelflife import errors
from shelflife.errors import (
    MEANINGS,
    AlreadyThere,
    CleanupBusy,
    CleanupDisabled,
    ExitCode,
    NoRoom,
    Problem,
    RecordsError,
    SettingsError,
    ShelflifeError,
    StorageError,
    UsageError,
)


@dataclass(frozen=True)
class _Holder:
    pid: int = 4711
    host: str = "media-1"
    since: datetime = datetime(2026, 11, 1, 2, tzinfo=UTC)


_PROBLEMS = (Problem(where="config.yaml:3", key="a", value="5", reason="no"), Problem(reason="bad"))

_EXAMPLES: dict[ShelflifeError, tuple[ExitCode, int]] = {
    SettingsError(_PROBLEMS): (ExitCode.USAGE, 500),
    UsageError("unknown area"): (ExitCode.USAGE, 422),
    StorageError("missing"): (ExitCode.USAGE, 503),
    RecordsError("unreadable"): (ExitCode.USAGE, 503),
    CleanupBusy(_Holder()): (ExitCode.BUSY, 409),
    CleanupDisabled(): (ExitCode.REFUSED, 409),
    NoRoom("too large", needed=2, available=1): (ExitCode.NO_ROOM, 507),
    AlreadyThere("uploads/a.mp4"): (ExitCode.USAGE, 409),
}


def test_exit_codes_are_those_that_scripts_rely_on() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "SOME_FAILED": 1,
        "USAGE": 2,
        "REFUSED": 3,
        "BUSY": 4,
        "NO_ROOM": 5,
    }


@pytest.mark.parametrize("error", _EXAMPLES, ids=lambda error: type(error).__name__)
def test_each_error_has_an_exit_code_a_status_and_survives_a_pickle(error: ShelflifeError) -> None:
    assert (error.exit_code, error.meaning.http_status) == _EXAMPLES[error]
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_each_error_stands_in_the_table_and_in_the_tree_of_the_docstring() -> None:
    public = [getattr(errors, name) for name in errors.__all__]
    kinds = {kind for kind in public if isinstance(kind, type) and issubclass(kind, ShelflifeError)}
    assert set(MEANINGS) == kinds
    assert errors.__doc__ is not None
    assert all(kind.__name__ in errors.__doc__ for kind in kinds)


def test_problem_types_are_told_apart() -> None:
    assert len({meaning.slug for meaning in MEANINGS.values()}) == len(MEANINGS)


def test_a_subclass_means_what_its_ancestor_means() -> None:
    class MineError(UsageError):
        pass

    assert MineError("x").exit_code is ExitCode.USAGE
    assert isinstance(MineError("x"), ValueError)


def test_a_settings_error_lists_all_its_problems() -> None:
    error = SettingsError(iter(_PROBLEMS))
    assert error.problems == _PROBLEMS
    assert str(error) == "2 problems in the configuration:\n  config.yaml:3: a: 5: no\n  bad"
    assert str(SettingsError(_PROBLEMS[:1])) == "config.yaml:3: a: 5: no"


def test_a_busy_storage_says_who_holds_it() -> None:
    error = CleanupBusy(_Holder())
    assert str(error) == (
        "another cleanup of this storage is running (process 4711 on media-1, "
        "since 2026-11-01T02:00:00+00:00); "
        "try again when it has ended"
    )
    assert error.holder == _Holder()
    assert "its process is unknown" in str(CleanupBusy())
