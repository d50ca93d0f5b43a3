from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shelflife.errors import SettingsError
from shelflife.settings import Settings, load_settings
from shelflife.settings.environment import variables

_FILE = """\
storage:
  base_path: media
  retention: {uploads: 1d}
  areas:
    raw-video: {retention: 2d}
  cleanup: {enabled: false, batch_size: 7}
"""


def _load(folder: Path, environ: Mapping[str, str], text: str = _FILE) -> Settings:
    path = folder / "config.yaml"
    path.write_text(text)
    return load_settings(path, environ=environ)


def _problems(folder: Path, environ: Mapping[str, str], text: str = _FILE) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _load(folder, environ, text)
    return [str(problem) for problem in caught.value.problems]


def test_the_variables_of_the_service_are_those_that_were_agreed() -> None:
    assert set(variables(["temp", "contact_sheets"])) == {
        "STORAGE_BASE_PATH",
        "STORAGE_RETENTION_TEMP",
        "STORAGE_RETENTION_CONTACT_SHEETS",
        "STORAGE_CLEANUP_ENABLED",
        "STORAGE_CLEANUP_SCHEDULE",
        "STORAGE_CLEANUP_DRY_RUN",
        "STORAGE_CLEANUP_BATCH_SIZE",
        "STORAGE_CLEANUP_LOCK_TIMEOUT",
        "STORAGE_CLEANUP_TIMEZONE",
    }


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        {
            "STORAGE_BASE_PATH": "/srv/media/storage",
            "STORAGE_RETENTION_UPLOADS": "-1",
            "STORAGE_RETENTION_TEMP": " 12h ",
            "STORAGE_RETENTION_FRAMES": "90",
            "STORAGE_RETENTION_RAW_VIDEO": "3w",
            "STORAGE_CLEANUP_ENABLED": "true",
            "STORAGE_CLEANUP_SCHEDULE": "30 3 * * 0",
            "STORAGE_CLEANUP_DRY_RUN": "1",
            "STORAGE_CLEANUP_BATCH_SIZE": "9",
            "STORAGE_CLEANUP_LOCK_TIMEOUT": "10m",
            "STORAGE_CLEANUP_TIMEZONE": "Europe/Berlin",
        },
    )
    assert settings.base_path == Path("/srv/media/storage")
    assert {key: area.retention for key, area in settings.areas.items()} == {
        "temp": 43_200,
        "uploads": -1,
        "contact_sheets": 2_592_000,
        "frames": 90,
        "outputs": -1,
        "raw_video": 3 * 604_800,
    }
    assert dict(settings.cleanup) == {
        "enabled": True,
        "schedule": "30 3 * * 0",
        "dry_run": True,
        "batch_size": 9,
        "lock_timeout": 600,
        "timezone": "Europe/Berlin",
        "retries": 3,
        "workers": 2,
        "max_per_second": None,
    }


@pytest.mark.parametrize("empty", ["", "  "], ids=repr)
def test_an_empty_variable_is_an_unset_one(tmp_path: Path, empty: str) -> None:
    environ = dict.fromkeys([*variables(["temp", "uploads"]), "STORAGE_RETENTION_NOPE"], empty)
    assert _load(tmp_path, environ) == _load(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        *((text, True) for text in ("true", "TRUE", "1", "yes", "On")),
        *((text, False) for text in ("false", "False", "0", "no", "OFF")),
    ],
)
def test_a_truth_value_may_be_spelled_in_many_ways(tmp_path: Path, text: str, truth: bool) -> None:
    assert _load(tmp_path, {"STORAGE_CLEANUP_ENABLED": text}).cleanup.enabled is truth


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("STORAGE_CLEANUP_ENABLED", "maybe", '"maybe": not a truth value; allowed: true, false'),
        ("STORAGE_CLEANUP_DRY_RUN", "2", '"2": not a truth value; allowed: true, false'),
        ("STORAGE_CLEANUP_SCHEDULE", "61 * * * *", '"61 * * * *": not a cron schedule, bad minute'),
        ("STORAGE_CLEANUP_BATCH_SIZE", "many", '"many": not a count'),
        ("STORAGE_CLEANUP_BATCH_SIZE", "0", '"0": not a count'),
        ("STORAGE_CLEANUP_LOCK_TIMEOUT", "-1", '"-1": not a duration'),
        ("STORAGE_CLEANUP_TIMEZONE", "Mars", '"Mars": not a time zone'),
        ("STORAGE_RETENTION_TEMP", "7 dayz", '"7 dayz": not a duration; allowed: -1 (indefinitely)'),
        ("STORAGE_RETENTION_TEMP", "-2", '"-2": not a duration'),
        ("STORAGE_RETENTION_TEMP", "true", '"true": not a duration'),
        ("STORAGE_RETENTION_TEMP", "010", '"010": not a duration'),
        ("STORAGE_BASE_PATH", "storage", '"storage": not an absolute path'),
        ("STORAGE_BASE_PATH", "~/storage", '"~/storage": ~ and variables are not replaced here'),
        ("STORAGE_BASE_PATH", "/", '"/": is the root of the file system'),
    ],
)
def test_a_wrong_variable_is_named_with_its_value(tmp_path: Path, name: str, text: str, problem: str) -> None:
    (found,) = _problems(tmp_path, {name: text})
    assert found.startswith(f"environment {name}: {problem}")


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("STORAGE_RETENTION_UPLOAD", "STORAGE_RETENTION_UPLOADS"),
        ("STORAGE_RETENTION_RAW-VIDEO", "STORAGE_RETENTION_RAW_VIDEO"),
        ("STORAGE_CLEANUP_SHEDULE", "STORAGE_CLEANUP_SCHEDULE"),
    ],
)
def test_a_misspelt_variable_is_an_error_with_a_guess(tmp_path: Path, name: str, guess: str) -> None:
    (found,) = _problems(tmp_path, {name: "5"})
    assert found.startswith(f'environment {name}: "5": unknown variable; allowed: ')
    assert found.endswith(f'(did you mean "{guess}"?)')


def test_other_variables_belong_to_others(tmp_path: Path) -> None:
    environ = {
        "STORAGE_API_TOKEN": "x",
        "STORAGE_DRIVER": "y",
        "STORAGE_RETENTION": "5",
        "RETENTION_TEMP": "z",
    }
    assert _load(tmp_path, environ) == _load(tmp_path, {})


_SERVICES = ("STORAGE_CLEANUP", "STORAGE_RETENTION", "STORAGE_CLEANUP_V2", "STORAGE_RETENTION_API")
_INJECTED = (
    "SERVICE_HOST",
    "SERVICE_PORT",
    "SERVICE_PORT_HTTP",
    "SERVICE_PORT_HTTP_ADMIN",
    "PORT",
    *(
        f"PORT_{port}_{protocol}{more}"
        for port in (80, 8443)
        for protocol in ("TCP", "UDP", "SCTP")
        for more in ("", "_PROTO", "_PORT", "_ADDR")
    ),
)


def test_what_kubernetes_sets_for_a_service_belongs_to_it(tmp_path: Path) -> None:
    environ = {f"{service}_{name}": "tcp://10.0.0.1:80" for service in _SERVICES for name in _INJECTED}
    assert _load(tmp_path, environ) == _load(tmp_path, {})


@pytest.mark.parametrize(
    "name",
    [
        "STORAGE_CLEANUP_SHEDULE",
        "STORAGE_CLEANUP_IMPORT",
        "STORAGE_CLEANUP_SUPPORT",
        "STORAGE_CLEANUP_PORTS",
        "STORAGE_CLEANUP_PORT_80",
        "STORAGE_CLEANUP_PORT_TCP",
        "STORAGE_CLEANUP_PORT_80_ICMP",
        "STORAGE_CLEANUP_SERVICE",
        "STORAGE_CLEANUP_SERVICE_NAME",
        "STORAGE_RETENTION_HOST",
    ],
)
def test_what_only_looks_like_that_is_an_error(tmp_path: Path, name: str) -> None:
    (found,) = _problems(tmp_path, {name: "5"})
    assert "unknown variable" in found


def test_a_variable_of_ours_is_read_whatever_it_looks_like(tmp_path: Path) -> None:
    text = _FILE.replace("raw-video", "x-port")
    assert _load(tmp_path, {"STORAGE_RETENTION_X_PORT": "9d"}, text).areas["x_port"].retention == 777_600


def test_the_environment_of_the_process_is_used_unless_another_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(_FILE)
    monkeypatch.setenv("STORAGE_RETENTION_TEMP", "5")
    assert load_settings(path).areas["temp"].retention == 5
    assert load_settings(path, environ={}).areas["temp"].retention == 86_400


def test_problems_of_the_environment_follow_those_of_the_file(tmp_path: Path) -> None:
    found = _problems(tmp_path, {"STORAGE_RETENTION_TEMP": "x"}, "storage:\n  a: 1\n  index: 5\n")
    assert [line.rsplit("/", 1)[-1].split(":")[0] for line in found] == [
        "config.yaml",
        "config.yaml",
        "environment STORAGE_RETENTION_TEMP",
    ]


def test_a_section_that_is_none_stays_wrong_whatever_the_environment_says(tmp_path: Path) -> None:
    (found,) = _problems(tmp_path, {"STORAGE_CLEANUP_ENABLED": "no"}, "storage:\n  cleanup: 5\n")
    assert found.endswith(
        "config.yaml:2: storage.cleanup: 5: not a section; allowed: a mapping of keys to values"
    )
