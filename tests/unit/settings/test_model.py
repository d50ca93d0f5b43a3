from __future__ import annotations

import copy
import pickle
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shelflife.errors import SettingsError, UsageError
from shelflife.settings import AgeFrom, AreaSettings, CleanupSettings, Expire, Settings

_BASE = "/srv/media/storage"


def _settings(**values: Any) -> Settings:
    given: dict[str, Any] = {"base_path": _BASE, "areas": {"uploads": "7d", "contact_sheets": -1}}
    return Settings.build(**(given | values))


def _problems(**values: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _settings(**values)
    return [str(problem) for problem in caught.value.problems]


def test_a_program_gets_exactly_the_areas_it_names() -> None:
    settings = _settings()
    assert list(settings.areas) == ["uploads", "contact_sheets"]
    assert settings.areas["uploads"] == AreaSettings(path="uploads", retention=604_800)
    assert settings.areas["contact_sheets"].is_indefinite


def test_everything_else_has_the_documented_default() -> None:
    settings = _settings()
    assert dict(settings.cleanup) == {
        "enabled": True,
        "schedule": "0 2 * * *",
        "dry_run": False,
        "batch_size": 100,
        "lock_timeout": 300,
        "timezone": "UTC",
        "retries": 3,
        "workers": 2,
        "max_per_second": None,
    }
    assert settings.pressure is None
    assert not settings.alerts.has_receiver
    assert settings.alerts.full_within == 7 * 86_400
    assert dict(settings.index) == {"settle": 600, "rescan_after": 30 * 86_400}
    assert dict(settings.journal) == {
        "keep": 90 * 86_400,
        "keep_files": 14 * 86_400,
        "max_bytes": 10**9,
    }
    area = settings.areas["uploads"]
    assert (area.expire, area.age_from, area.protect) == (Expire.FILE, AgeFrom.MODIFIED, ())
    assert (area.quota, area.max_files, area.min_age, area.priority) == (None, None, 86_400, None)
    assert settings.source is None


def test_a_high_watermark_alone_takes_the_low_one_along() -> None:
    pressure = _settings(pressure={"high": "70%"}).pressure
    assert pressure is not None
    assert (pressure.high, pressure.low, pressure.check_every) == (70, 60, 60)
    default = _settings(pressure={}).pressure
    assert default is not None
    assert (default.high, default.low, default.check_every) == (90, 80, 60)


def test_single_keys_of_areas_are_changed_as_a_whole_is_checked() -> None:
    settings = _settings(areas={"uploads": "7d", "contact_sheets": -1})
    changed = settings.with_areas(
        {"uploads.retention": "3d", "contact-sheets.retention": 60, "uploads.quota": "5B"}
    )
    assert (changed.areas["uploads"].retention, changed.areas["uploads"].quota) == (3 * 86_400, 5)
    assert changed.areas["contact_sheets"].retention == 60
    assert settings.areas["uploads"].retention == 7 * 86_400
    with pytest.raises(UsageError, match=r"AREA\.KEY"):
        settings.with_areas({"uploads": 3})
    with pytest.raises(SettingsError, match="no effect"):
        settings.with_areas({"contact_sheets.quota": "3B"})


def test_a_retention_that_is_wrong_is_not_taken_for_none() -> None:
    area = {"retention": "7 dayz", "quota": "5B", "priority": 1}
    assert len(_problems(areas={"x": area, "y": "7d"})) == 1


def test_an_area_that_a_program_keeps_for_ever_loses_its_bounds() -> None:
    settings = _settings(areas={"uploads": {"retention": "7d", "quota": "5B", "max_files": 5, "priority": 1}})
    area = settings.replace(retention={"uploads": -1}).areas["uploads"]
    assert (area.is_indefinite, area.quota, area.max_files, area.priority) == (True, None, None, None)
    assert settings.replace(retention={"uploads": 5}).areas["uploads"].quota == 5


def test_an_area_is_named_after_its_key_unless_it_says_otherwise() -> None:
    areas = _settings(
        areas={
            "contact-sheets": 1,
            "raw_video": {"path": "raw/video"},
            "old_frames": AreaSettings(aliases=("older",)),
            "temp_files": {"aliases": ["tmp"]},
        }
    ).areas
    assert {key: area.directories for key, area in areas.items()} == {
        "contact_sheets": ("contact-sheets", "contact_sheets"),
        "raw_video": ("raw/video",),
        "old_frames": ("old-frames", "older", "old_frames"),
        "temp_files": ("temp-files", "tmp", "temp_files"),
    }


def test_an_area_without_a_retention_is_kept_for_ever() -> None:
    assert _settings(areas={"outputs": {}}).areas["outputs"].is_indefinite


def test_values_may_be_written_as_in_a_file() -> None:
    settings = _settings(
        areas={
            "frames": {"retention": "2w", "expire": "directory", "age_from": "changed", "protect": ["*.keep"]}
        },
        cleanup={"lock_timeout": "5m", "timezone": "Europe/Berlin"},
        journal={"max_bytes": "1GiB"},
        state_dir="/var/lib/media",
    )
    frames = settings.areas["frames"]
    assert (frames.retention, frames.expire) == (14 * 86_400, Expire.DIRECTORY)
    assert (frames.age_from, frames.protect) == (AgeFrom.CHANGED, ("*.keep",))
    assert settings.cleanup.lock_timeout == 300
    assert settings.cleanup.zone == ZoneInfo("Europe/Berlin")
    assert settings.journal.max_bytes == 2**30
    assert settings.state_path == Path("/var/lib/media")


def test_the_state_is_in_the_storage_unless_told_otherwise() -> None:
    assert _settings().state_path == Path(_BASE) / ".shelflife"
    assert _settings().cleanup.zone is UTC


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"base_path": "storage"}, 'base_path: "storage": not an absolute path'),
        ({"base_path": "/"}, 'base_path: "/": is the root of the file system'),
        ({"base_path": 5}, "base_path: 5: not a path"),
        ({"areas": {}}, "areas: {}: no areas"),
        ({"areas": {"a": -2}}, "areas.a.retention: -2: not a duration"),
        ({"areas": {"a": True}}, "areas.a.retention: true: not a duration"),
        ({"areas": {"a": None}}, "areas.a.retention: null: not a duration"),
        ({"areas": {"a": 1.0}}, "areas.a.retention: 1.0: not a duration"),
        ({"areas": {"a": "7 dayz"}}, 'areas.a.retention: "7 dayz": not a duration'),
        ({"areas": {"Frames": 1}}, 'areas.Frames: "Frames": not the name of an area'),
        ({"areas": {"a b": 1}}, 'areas.a b: "a b": not the name of an area'),
        ({"areas": {"x": {"path": "../x"}}}, 'areas.x.path: "../x": not a directory below base_path'),
        ({"areas": {"x": {"path": ""}}}, 'areas.x.path: "": not a directory below base_path'),
        ({"areas": {"x": {"path": "/srv/x"}}}, 'areas.x.path: "/srv/x": not a directory below base_path'),
        ({"areas": {"x": {"path": ".trash"}}}, 'areas.x.path: ".trash": .trash is where the storage keeps'),
        ({"areas": {"x": {"path": 5}}}, "areas.x.path: 5: not text"),
        ({"areas": {"x": {"aliases": "y"}}}, 'areas.x.aliases: "y": not a list'),
        (
            {"areas": {"x": {"aliases": ["../y"]}}},
            'areas.x.aliases.0: "../y": not a directory below base_path',
        ),
        (
            {"areas": {"x": {"expire": "files"}}},
            'areas.x.expire: "files": unknown; allowed: file, stem, directory (did',
        ),
        ({"areas": {"x": {"age_from": 1}}}, "areas.x.age_from: 1: unknown; allowed: modified, changed"),
        ({"areas": {"x": {"protect": ["a", "#b"]}}}, 'areas.x.protect.1: "#b": matches nothing'),
        ({"areas": {"x": {"protect": [""]}}}, 'areas.x.protect.0: "": matches nothing'),
        ({"areas": {"x": {"protect": ["a["]}}}, 'areas.x.protect.0: "a[": matches nothing'),
        (
            {"areas": {"x": {"protect": ["a\\"]}}},
            'areas.x.protect.0: "a\\\\": matches nothing',
        ),
        (
            {"areas": {"x": {"protect": ["[[:alhpa:]]"]}}},
            'areas.x.protect.0: "[[:alhpa:]]": matches nothing',
        ),
        (
            {"areas": {"x": {"rules": [{"match": "#b", "retention": "3d"}]}}},
            'areas.x.rules.0.match.0: "#b": matches nothing',
        ),
        ({"areas": {"x": {"rules": [{"match": "*.log"}]}}}, "areas.x.rules.0.retention: missing"),
        (
            {"areas": {"x": {"rules": [{"match": "*.log", "retention": "3x"}]}}},
            'areas.x.rules.0.retention: "3x": not a duration',
        ),
        (
            {"areas": {"x": {"rules": [{"match": [], "retention": "3d"}]}}},
            "areas.x.rules.0.match: []: no patterns",
        ),
        (
            {"areas": {"x": {"rules": [{"match": "*.log", "retention": 3, "mach": 1}]}}},
            "areas.x.rules.0.mach: 1: unknown key; allowed: match, retention",
        ),
        ({"areas": {"x": {"rules": {"*.log": "3d"}}}}, "areas.x.rules: {…}: not a list"),
        ({"areas": {"x": {"keep_newest": -1}}}, "areas.x.keep_newest.count: -1: not a number"),
        (
            {"areas": {"x": {"keep_newest": {"count": 3, "per": "day"}}}},
            'areas.x.keep_newest.per: "day": unknown; allowed: area, top, directory',
        ),
        (
            {"areas": {"x": {"expire": "directory", "keep_newest": {"count": 3, "per": "top"}}}},
            'areas.x.keep_newest: "top": not with expire: directory',
        ),
        ({"areas": {"x": {"prune": "never"}}}, 'areas.x.prune: "never": not a truth value'),
        ({"areas": {"x": {"ignore": ["#"]}}}, 'areas.x.ignore.0: "#": matches nothing'),
        ({"areas": {"x": {"protect": [5]}}}, "areas.x.protect.0: 5: not text"),
        ({"areas": {"x": {"protect": "*.keep"}}}, 'areas.x.protect: "*.keep": not a list'),
        (
            {"areas": {"x": {"quotta": 5}}},
            "areas.x.quotta: 5: unknown key; allowed: path, aliases, retention",
        ),
        (
            {"areas": {"x": {"path": "a"}, "y": {"path": "a"}}},
            'areas.y.path: "a": is a directory of area x already',
        ),
        ({"areas": {"x": 1, "y": {"path": "x/y"}}}, 'areas.y.path: "x/y": lies in x, a directory of area x'),
        (
            {"areas": {"x": 1, "y": {"aliases": ["x"]}}},
            'areas.y.aliases: "x": is a directory of area x already',
        ),
        ({"state_dir": "state"}, 'state_dir: "state": not an absolute path'),
        ({"state_dir": f"{_BASE}/uploads/x"}, f'state_dir: "{_BASE}/uploads/x": overlaps uploads'),
        ({"state_dir": _BASE}, f'state_dir: "{_BASE}": overlaps uploads'),
        (
            {"state_dir": f"{_BASE}/contact_sheets"},
            f'state_dir: "{_BASE}/contact_sheets": overlaps contact_sheets',
        ),
        ({"cleanup": 5}, "cleanup: 5: not a section"),
        ({"cleanup": {"enabled": "yes"}}, 'cleanup.enabled: "yes": not a truth value; allowed: true, false'),
        ({"cleanup": {"dry_run": 1}}, "cleanup.dry_run: 1: not a truth value; allowed: true, false"),
        (
            {"cleanup": {"schedule": "61 * * * *"}},
            'cleanup.schedule: "61 * * * *": not a cron schedule, bad minute',
        ),
        ({"cleanup": {"schedule": "0 0 31 2 *"}}, 'cleanup.schedule: "0 0 31 2 *": never runs: no such day'),
        ({"cleanup": {"schedule": 5}}, "cleanup.schedule: 5: not text"),
        (
            {"cleanup": {"batch_size": 0}},
            "cleanup.batch_size: 0: not a count; allowed: a whole number from 1",
        ),
        ({"cleanup": {"batch_size": True}}, "cleanup.batch_size: true: not a count"),
        ({"cleanup": {"batch_size": "10"}}, 'cleanup.batch_size: "10": not a count'),
        ({"cleanup": {"lock_timeout": 0}}, "cleanup.lock_timeout: 0: zero; allowed: anything above"),
        ({"cleanup": {"lock_timeout": -1}}, "cleanup.lock_timeout: -1: not a duration"),
        ({"cleanup": {"timezone": "Mars"}}, 'cleanup.timezone: "Mars": not a time zone'),
        ({"cleanup": {"shedule": "x"}}, 'cleanup.shedule: "x": unknown key; allowed: enabled, schedule'),
        ({"index": {"settle": "soon"}}, 'index.settle: "soon": not a duration'),
        ({"journal": {"max_bytes": "1 ton"}}, 'journal.max_bytes: "1 ton": not a size'),
        (
            {"areas": {"x": {"retention": -1, "quota": "5GB"}}},
            "areas.x.quota: 5000000000: has no effect where files are kept indefinitely",
        ),
        ({"areas": {"x": {"retention": -1, "priority": 1}}}, "areas.x.priority: 1: has no effect where"),
        ({"areas": {"x": {"retention": 1, "priority": -1}}}, "areas.x.priority: -1: not a number"),
        ({"areas": {"x": {"retention": 1, "quota": 0}}}, "areas.x.quota: 0: zero; allowed: anything above"),
        ({"pressure": {"high": 90}}, "pressure.high: 90: not a share; allowed: 0% to 100%"),
        ({"pressure": {"high": "0%"}}, 'pressure.high: "0%": every disk is above 0%'),
        ({"pressure": {"low": "90%"}}, 'pressure.low: "90%": not below high, which is 90%'),
        ({"pressure": {"high": "70%", "low": "75%"}}, 'pressure.low: "75%": not below high, which is 70%'),
        ({"pressure": {"check_every": 0}}, "pressure.check_every: 0: zero"),
        ({"alerts": {"urls": ["x"]}}, 'alerts.urls.0: "x": not an address'),
        ({"alerts": {"webhook": {"url": "http://x"}}}, "alerts.webhook.secret: missing"),
        ({"alerts": {"webhook": {"url": "ftp://x", "secret": "0123456789abcdef"}}}, "alerts.webhook.url: "),
        ({"bogus": 1}, "bogus: 1: unknown key; allowed: source, base_path, areas"),
    ],
    ids=repr,
)
def test_a_wrong_value_is_refused_with_its_key(values: dict[str, Any], problem: str) -> None:
    (found,) = _problems(**values)
    assert found.startswith(problem)


def test_all_problems_are_told_at_once_also_those_between_fields() -> None:
    found = _problems(
        base_path="/",
        areas={
            "a": -2,
            "b": {"path": "a/b", "expire": "x"},
            "c": {"path": "../c"},
            "d": {"path": "c"},
            "contact-sheets": 1,
            "contact_sheets": 2,
        },
        state_dir="x",
        cleanup={"batch_size": 0},
        index=5,
    )
    assert {line.rpartition(": ")[0].split(": ")[0] for line in found} == {
        "base_path",
        "areas.a.retention",
        "areas.b.expire",
        "areas.b.path",
        "areas.c.path",
        "areas.contact-sheets",
        "state_dir",
        "cleanup.batch_size",
        "index",
    }


def test_a_wrong_directory_causes_no_further_complaints_about_the_usual_one() -> None:
    found = _problems(areas={"frames": {"path": "../x"}, "other": {"path": "frames"}})
    assert len(found) == 1


def test_an_area_named_twice_in_both_spellings_is_refused_in_either_order() -> None:
    for areas in ({"a_b": 1, "a-b": 2}, {"a-b": 1, "a_b": 2}):
        (found,) = _problems(areas=areas)
        assert found == 'areas.a-b: "a-b": is the area a_b, which is here already'


def test_a_section_by_itself_is_refused_the_same_way() -> None:
    with pytest.raises(SettingsError) as caught:
        AreaSettings(retention=-2, protect=("#x",))
    assert [problem.key for problem in caught.value.problems] == ["retention", "protect.0"]
    with pytest.raises(SettingsError, match=r"^batch_size: 0: not a count"):
        CleanupSettings(batch_size=0)


def test_missing_values_are_told() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings()  # type: ignore[call-arg]
    assert [str(problem) for problem in caught.value.problems] == ["base_path: missing", "areas: missing"]


def test_settings_never_change() -> None:
    settings = _settings()
    with pytest.raises(AttributeError, match="never change"):
        settings.cleanup.enabled = False  # type: ignore[misc]
    with pytest.raises(AttributeError, match="never change"):
        settings.areas["uploads"].retention = 5  # type: ignore[misc]


def test_settings_can_be_copied_and_sent_to_another_process() -> None:
    settings = _settings()
    assert copy.deepcopy(settings) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize("name", ["contact_sheets", "contact-sheets"])
def test_an_area_answers_to_both_spellings(name: str) -> None:
    assert _settings().area_name(name) == "contact_sheets"


def test_an_unknown_area_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        _settings().area_name("upload")
    assert str(caught.value) == (
        'unknown area "upload"; areas: uploads, contact_sheets (did you mean "uploads"?)'
    )


def test_a_copy_has_other_values_and_the_original_keeps_its_own() -> None:
    settings = _settings(cleanup={"batch_size": 5}, state_dir="/var/lib/media")
    other = settings.replace(
        base_path="/srv/other",
        state_dir="/var/lib/other",
        retention={"contact-sheets": "1h"},
        cleanup={"enabled": False},
    )
    assert (other.base_path, other.state_path) == (Path("/srv/other"), Path("/var/lib/other"))
    assert {key: area.retention for key, area in other.areas.items()} == {
        "uploads": 604_800,
        "contact_sheets": 3600,
    }
    assert other.areas["contact_sheets"].directories == ("contact-sheets", "contact_sheets")
    assert (other.cleanup.enabled, other.cleanup.batch_size) == (False, 5)
    assert settings.areas["contact_sheets"].is_indefinite
    assert settings.replace() == settings


def test_a_copy_is_checked_too() -> None:
    with pytest.raises(UsageError, match='unknown area "frames"'):
        _settings().replace(retention={"frames": 5})
    with pytest.raises(SettingsError) as caught:
        _settings().replace(base_path="/", retention={"uploads": True}, cleanup={"batch_size": 0})
    assert [problem.key for problem in caught.value.problems] == [
        "base_path",
        "areas.uploads.retention",
        "cleanup.batch_size",
    ]
