from __future__ import annotations

import logging
import os
from pathlib import Path
from textwrap import dedent

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import shelflife
from shelflife.errors import Problem, SettingsError
from shelflife.settings import DEFAULT_RETENTION, Settings, find_config, load_settings
from shelflife.settings import __all__ as public_names

_CHECKOUT = Path(shelflife.__file__).resolve().parents[1]


def _load(folder: Path, text: str) -> Settings:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environ={})


def _problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _load(folder, text)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def _retention(settings: Settings) -> dict[str, int]:
    return {key: area.retention for key, area in settings.areas.items()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet\n",
        "database: {host: db}\n",
        "storage:\n",
        "storage: {}\n",
        "storage: {retention: , areas: , cleanup: , index: , journal: , state_dir: }\n",
        "storage: {areas: {frames: , uploads: {}}}\n",
        "storage: {default_areas: true}\n",
    ],
    ids=repr,
)
def test_what_a_file_does_not_say_has_its_default(tmp_path: Path, text: str) -> None:
    settings = _load(tmp_path, text)
    assert _retention(settings) == dict(DEFAULT_RETENTION)
    assert list(settings.areas) == list(DEFAULT_RETENTION)
    assert settings.base_path == tmp_path / "storage"
    assert settings.state_path == tmp_path / "storage" / ".shelflife"
    assert settings.source == tmp_path / "config.yaml"
    assert settings.areas["contact_sheets"].directories == ("contact-sheets", "contact_sheets")


def test_a_partial_file_merges_with_the_defaults_at_every_level(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        """\
        storage:
          base_path: media
          retention: {temp: 12h, contact-sheets: 60d}
          areas:
            frames: {protect: ["*.keep"]}
            uploads: {retention: 3d}
          cleanup: {dry_run: true}
          index: {settle: 5m}
        """,
    )
    assert _retention(settings) == {
        "temp": 43_200,
        "uploads": 3 * 86_400,
        "contact_sheets": 60 * 86_400,
        "frames": 30 * 86_400,
        "outputs": -1,
    }
    assert settings.base_path == tmp_path / "media"
    assert settings.areas["frames"].protect == ("*.keep",)
    assert (settings.cleanup.dry_run, settings.cleanup.batch_size) == (True, 100)
    assert (settings.index.settle, settings.index.rescan_after) == (300, 30 * 86_400)


def test_further_areas_come_after_the_five(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        """\
        storage:
          retention: {raw_video: 2d}
          areas:
            raw-video: {}
            scratch: {retention: 1h, path: work/scratch}
        """,
    )
    assert list(settings.areas) == [*DEFAULT_RETENTION, "raw_video", "scratch"]
    assert settings.areas["raw_video"].directories == ("raw-video", "raw_video")
    assert settings.areas["scratch"].directories == ("work/scratch",)


def test_without_the_default_areas_there_are_only_those_named(tmp_path: Path) -> None:
    settings = _load(tmp_path, "storage: {default_areas: false, areas: {scratch: {retention: 1h}}}\n")
    assert _retention(settings) == {"scratch": 3600}


def test_the_same_retention_may_stand_in_both_places(tmp_path: Path) -> None:
    text = "storage: {retention: {uploads: 7d}, areas: {uploads: {retention: 604800}}}\n"
    assert _load(tmp_path, text).areas["uploads"].retention == 604_800


def test_relative_paths_start_from_the_directory_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    settings = _load(tmp_path / "conf", "storage: {base_path: ../media, state_dir: ../state}\n")
    assert settings.base_path == tmp_path / "media"
    assert settings.state_path == tmp_path / "state"


def test_a_relative_file_is_found_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text("storage: {base_path: media}\n")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    for path in ("../config.yaml", Path("../config.yaml")):
        settings = load_settings(path, environ={})
        assert settings.source == tmp_path / "config.yaml"
        assert settings.base_path == tmp_path / "media"


def test_relative_paths_start_from_where_a_linked_file_is_seen(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "seen").mkdir()
    (tmp_path / "real" / "config.yaml").touch()
    (tmp_path / "seen" / "config.yaml").symlink_to("../real/config.yaml")
    settings = load_settings(tmp_path / "seen" / "config.yaml", environ={})
    assert settings.base_path == tmp_path / "seen" / "storage"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("storage: 5\n", "config.yaml:1: storage: 5: not a section; allowed: a mapping of keys to values"),
        (
            "storage: [a]\n",
            "config.yaml:1: storage: […]: not a section; allowed: a mapping of keys to values",
        ),
        (
            "storage:\n  retention: 7d\n",
            'config.yaml:2: storage.retention: "7d": not a section; allowed: a map',
        ),
        ("storage:\n  areas: [frames]\n", "config.yaml:2: storage.areas: […]: not a section; allowed: a map"),
        ("storage:\n  cleanup: [1]\n", "config.yaml:2: storage.cleanup: […]: not a section; allowed: a map"),
        (
            "storage:\n  areas:\n    frames: 30d\n",
            'config.yaml:3: storage.areas.frames: "30d": not a section; allowed: a mapping of keys to values',
        ),
        (
            "storage:\n\n  retentions: {}\n",
            (
                "config.yaml:3: storage.retentions: "
                "{}: unknown key; allowed: base_path, state_dir, require_mount, default_areas, retention, "
                'areas, cleanup, pressure, limits, index, journal, http, alerts (did you mean "retention"?)'
            ),
        ),
        (
            "storage:\n  source: x\n",
            'config.yaml:2: storage.source: "x": unknown key; allowed: base_path, state',
        ),
        (
            "storage:\n  cleanup:\n    shedule: x\n",
            (
                "config.yaml:3: storage.cleanup.shedule: "
                '"x": unknown key; allowed: enabled, schedule, dry_run, '
                'batch_size, lock_timeout, timezone, retries, workers, max_per_second (did you mean "schedule"?)'
            ),
        ),
        (
            "storage:\n  areas:\n    frames: {trsh: 24h}\n",
            (
                "config.yaml:3: storage.areas.frames.trsh: "
                '"24h": unknown key; allowed: path, aliases, retention'
            ),
        ),
        (
            "storage:\n  retention:\n    uploads: 7 dayz\n",
            (
                "config.yaml:3: storage.retention.uploads: "
                '"7 dayz": not a duration; allowed: -1 (indefinitely), '
                "whole seconds, or a whole number with s, m, h, d or w, "
                'such as 24h, 7d or 1d12h (did you mean "7d"?)'
            ),
        ),
        ("storage:\n  retention: {temp: -2}\n", "config.yaml:2: storage.retention.temp: -2: not a duration"),
        (
            "storage:\n  retention: {temp: true}\n",
            "config.yaml:2: storage.retention.temp: true: not a duration",
        ),
        (
            "storage:\n  retention: {temp: off}\n",
            "config.yaml:2: storage.retention.temp: off: not a duration",
        ),
        (
            "storage:\n  retention: {temp: 1.5}\n",
            "config.yaml:2: storage.retention.temp: 1.5: not a duration",
        ),
        (
            "storage:\n  retention: {temp: 1:30}\n",
            'config.yaml:2: storage.retention.temp: "1:30": not a duration',
        ),
        (
            "storage:\n  retention: {temp: 010}\n",
            'config.yaml:2: storage.retention.temp: "010": not a duration',
        ),
        (
            "storage:\n  retention: {temp: [7d]}\n",
            "config.yaml:2: storage.retention.temp: […]: not a duration",
        ),
        (
            'storage:\n  retention: {temp: "86400"}\n',
            'config.yaml:2: storage.retention.temp: "86400": not a duration',
        ),
        (
            "storage:\n  retention:\n    temp:\n",
            "config.yaml:3: storage.retention.temp: null: not a duration",
        ),
        (
            "storage:\n  retention:\n    upload: 7d\n",
            (
                "config.yaml:3: storage.retention.upload: "
                '"7d": unknown area; areas: temp, uploads, contact_sheets, '
                'frames, outputs; others are named in storage.areas (did you mean "uploads"?)'
            ),
        ),
        (
            "storage:\n  retention:\n    uploads: 7d\n  areas:\n    uploads:\n      retention: 8d\n",
            (
                "config.yaml:6: storage.areas.uploads.retention: "
                '"8d": differs from storage.retention.uploads: "7d" in '
                "line 3; keep one of them"
            ),
        ),
        (
            "storage:\n  retention:\n    contact_sheets: 7d\n    contact-sheets: 7d\n",
            (
                "config.yaml:4: storage.retention.contact-sheets: "
                '"7d": is storage.retention.contact_sheets, which line '
                "3 has already"
            ),
        ),
        (
            "storage:\n  areas:\n    contact_sheets: {}\n    contact-sheets: {}\n",
            (
                "config.yaml:4: storage.areas.contact-sheets: "
                "{}: is the area storage.areas.contact_sheets, which line "
                "3 has already"
            ),
        ),
        (
            "storage:\n  retention:\n    temp: 1d\n    temp: 2d\n",
            'config.yaml:4: storage.retention.temp: "2d": duplicate key; line 3 has it already',
        ),
        (
            "storage:\n  areas:\n    upload: {path: up}\n",
            (
                "config.yaml:3: storage.areas.upload: "
                "{…}: a further area needs a retention; allowed: -1 (indefinitely), "
                'or a duration such as 24h (did you mean "uploads"?)'
            ),
        ),
        (
            "storage:\n  areas:\n    Frames: {retention: 1}\n",
            "config.yaml:3: storage.areas.Frames: {…}: not the name of an area; allowed: a-z, 0-9, _ and -",
        ),
        (
            "storage:\n  areas:\n    frames:\n      path: ../x\n",
            (
                "config.yaml:4: storage.areas.frames.path: "
                '"../x": not a directory below base_path; allowed: a relative'
            ),
        ),
        (
            "storage:\n  areas:\n    temp:\n      path: uploads\n",
            'config.yaml:4: storage.areas.temp.path: "uploads": is a directory of area uploads already',
        ),
        (
            "storage:\n  areas:\n    small:\n      path: frames/small\n      retention: 1\n",
            (
                "config.yaml:4: storage.areas.small.path: "
                '"frames/small": lies in frames, a directory of area frames'
            ),
        ),
        (
            "storage:\n  areas:\n    contact:\n      path: contact_sheets\n      retention: 1\n",
            (
                "config.yaml:4: storage.areas.contact.path: "
                '"contact_sheets": is a directory of area contact_sheets'
            ),
        ),
        (
            "storage:\n  areas:\n    frames:\n      protect:\n        - a\n        - ''\n",
            'config.yaml:6: storage.areas.frames.protect[1]: "": matches nothing',
        ),
        (
            'storage:\n  cleanup:\n    schedule: "61 * * * *"\n',
            (
                "config.yaml:3: storage.cleanup.schedule: "
                '"61 * * * *": not a cron schedule, bad minute; allowed: five'
            ),
        ),
        (
            "storage:\n  cleanup:\n    schedule: 0 0 31 2 *\n",
            'config.yaml:3: storage.cleanup.schedule: "0 0 31 2 *": never runs: no such day in that month',
        ),
        (
            "storage:\n  cleanup: {enabled: 1}\n",
            "config.yaml:2: storage.cleanup.enabled: 1: not a truth value",
        ),
        (
            'storage:\n  cleanup: {dry_run: "no"}\n',
            'config.yaml:2: storage.cleanup.dry_run: "no": not a truth',
        ),
        (
            "storage:\n  cleanup: {batch_size: on}\n",
            "config.yaml:2: storage.cleanup.batch_size: on: not a count",
        ),
        (
            "storage:\n  cleanup: {batch_size: 1e3}\n",
            'config.yaml:2: storage.cleanup.batch_size: "1e3": not a',
        ),
        (
            "storage:\n  journal: {max_bytes: 1XB}\n",
            'config.yaml:2: storage.journal.max_bytes: "1XB": not a size',
        ),
        (
            "storage:\n  base_path: /\n",
            'config.yaml:2: storage.base_path: "/": is the root of the file system',
        ),
        ("storage:\n  base_path: .\n", 'config.yaml:2: storage.base_path: ".": holds the configuration file'),
        (
            "storage:\n  base_path: ..\n",
            'config.yaml:2: storage.base_path: "..": holds the configuration file',
        ),
        (
            "storage:\n  base_path: ~/media\n",
            'config.yaml:2: storage.base_path: "~/media": ~ and variables are',
        ),
        ("storage:\n  base_path: ~\n", "config.yaml:2: storage.base_path: ~: not a path"),
        ("storage:\n  base_path: 5\n", "config.yaml:2: storage.base_path: 5: not a path"),
        ('storage:\n  base_path: ""\n', 'config.yaml:2: storage.base_path: "": not a path'),
        ('storage:\n  base_path: "a\\0b"\n', 'config.yaml:2: storage.base_path: "a\\u0000b": not a path'),
        (
            "storage:\n  state_dir: storage/temp/state\n",
            'config.yaml:2: storage.state_dir: "storage/temp/state": overlaps temp, a directory of area temp',
        ),
        ("storage:\n  default_areas: 5\n", "config.yaml:2: storage.default_areas: 5: not a truth value"),
        (
            "storage:\n  default_areas: false\n",
            "config.yaml:2: storage.areas: no areas; allowed: at least one area to manage",
        ),
        (
            "storage: {default_areas: no, areas: {a: {retention: 1}}, retention: {temp: 5}}\n",
            (
                "config.yaml:1: storage.retention.temp: "
                "5: unknown area; areas: a; others are named in storage.areas"
            ),
        ),
        ("storage:\n  on: 5\n", "config.yaml:2: storage: on: a key that is not text; put it in quotes"),
        ("storage: [\n", "config.yaml:2: broken YAML: while parsing a flow node"),
        ("- storage\n", "config.yaml:1: not a mapping; expected keys such as storage:"),
        (
            "app: 1\nstorag: {}\n",
            'config.yaml:2: storag: unknown key, and there is no "storage" (did you mean "storage"?)',
        ),
        ("Storage: {}\n", 'config.yaml:1: Storage: unknown key, and there is no "storage" (did you mean'),
    ],
)
def test_a_bad_file_is_one_problem_with_line_key_and_value(tmp_path: Path, text: str, problem: str) -> None:
    (found,) = _problems(tmp_path, text)
    assert found.startswith(problem)


@pytest.mark.parametrize("key", ["store", "media_storage", "storage_token", "stages"])
def test_keys_of_the_application_are_not_taken_for_misspelt_ones(tmp_path: Path, key: str) -> None:
    assert _load(tmp_path, f"{key}: 5\n").areas
    assert _load(tmp_path, f"{key}: 5\nstorag: 5\nstorage: {{}}\n").areas


def test_all_problems_of_a_file_are_told_at_once_in_the_order_of_its_lines(tmp_path: Path) -> None:
    text = dedent("""\
        storage:
          base_path: /
          state_dir: 5
          retention:
            uploads: "7 dayz"
            frames: 5d
            fames: 3
            temp: -2
            temp: 4
          areas:
            frames:
              retention: 6d
              path: uploads/x
              protect: ["*.keep", "#x"]
              quotta: 5GB
            scratch:
            raw-video: {retention: 4d, path: ../x, expire: files}
            raw_video: {}
            outputs: 7
          cleanup:
            schedule: 0 0 31 2 *
            enabled: yess
            batch_size: "10"
            lock_timeout: 1.5
            shedule: 1
          index: [1]
          bogus: 7
        """)
    found = [line.split(": ")[:2] for line in _problems(tmp_path, text)]
    assert found == [
        [f"config.yaml:{line}", f"storage.{key}"]
        for line, key in [
            (2, "base_path"),
            (3, "state_dir"),
            (5, "retention.uploads"),
            (7, "retention.fames"),
            (8, "retention.temp"),
            (9, "retention.temp"),
            (12, "areas.frames.retention"),
            (13, "areas.frames.path"),
            (14, "areas.frames.protect[1]"),
            (15, "areas.frames.quotta"),
            (16, "areas.scratch"),
            (17, "areas.raw-video.path"),
            (17, "areas.raw-video.expire"),
            (18, "areas.raw_video"),
            (19, "areas.outputs"),
            (21, "cleanup.schedule"),
            (22, "cleanup.enabled"),
            (23, "cleanup.batch_size"),
            (24, "cleanup.lock_timeout"),
            (25, "cleanup.shedule"),
            (26, "index"),
            (27, "bogus"),
        ]
    ]


def test_both_places_of_a_retention_are_checked(tmp_path: Path) -> None:
    text = "storage:\n  retention:\n    temp: x\n  areas:\n    temp:\n      retention: y\n"
    assert [line.split(": not")[0] for line in _problems(tmp_path, text)] == [
        'config.yaml:3: storage.retention.temp: "x"',
        'config.yaml:6: storage.areas.temp.retention: "y"',
    ]


def test_a_home_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    (found,) = _problems(tmp_path, f"storage:\n  base_path: {home}\n")
    assert "is the home directory of the user who runs this" in found


def test_a_directory_that_holds_the_checkout_is_refused(tmp_path: Path) -> None:
    (found,) = _problems(tmp_path, f"storage:\n  base_path: {_CHECKOUT}\n")
    assert "holds this program" in found


@pytest.mark.parametrize("kind", ["missing", "directory", "loop"])
def test_a_file_that_was_named_must_be_readable(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.yaml"
    if kind == "directory":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    with pytest.raises(SettingsError, match=r"config\.yaml: can't be read: ") as caught:
        load_settings(path, environ={})
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_no_reason_for_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.touch(mode=0)
    with pytest.raises(SettingsError, match="can't be read: Permission denied"):
        load_settings(path, environ={})


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("storage: {}\n# é\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"config\.yaml:2: not UTF-8 \(byte 0xe9\)$"):
        load_settings(path, environ={})


def test_without_a_file_everything_has_its_default_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shelflife.settings")
    settings = load_settings(environ={}, directory=tmp_path)
    assert settings.source is None
    assert settings.base_path == tmp_path / "storage"
    assert _retention(settings) == dict(DEFAULT_RETENTION)
    assert caplog.messages == [
        f"No configuration file: using the defaults, with base path {tmp_path}/storage"
    ]


def test_without_a_file_the_base_path_is_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(environ={}).base_path == tmp_path / "storage"
    assert load_settings(environ={"STORAGE_BASE_PATH": "/srv/x"}).base_path == Path("/srv/x")


def test_the_first_file_of_the_search_is_found(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    assert find_config(folders) is None
    for folder in folders[1:]:
        folder.mkdir()
        (folder / "config.yaml").touch()
    assert find_config(folders) == tmp_path / "b" / "config.yaml"
    assert find_config([folders[1] / "config.yaml"]) is None


@pytest.mark.parametrize("kind", ["dangling", "directory"])
def test_a_file_that_is_there_but_unreadable_is_found_all_the_same(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.yaml"
    if kind == "dangling":
        path.symlink_to("nowhere")
    else:
        path.mkdir()
    assert find_config([tmp_path]) == path


def test_a_search_that_is_refused_counts_as_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "lstat", refuse)
    assert find_config([tmp_path]) == tmp_path / "config.yaml"


def test_the_package_has_exactly_the_names_it_announces() -> None:
    from shelflife import settings

    assert sorted(public_names) == sorted(set(public_names))
    assert all(getattr(settings, name) is not None for name in public_names)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = settings.nope


_KEYS = ["base_path", "state_dir", "default_areas", "retention", "areas", "cleanup", "index", "journal", "x"]
_NAMES = [
    "temp",
    "contact-sheets",
    "contact_sheets",
    "scratch",
    "retention",
    "path",
    "protect",
    "schedule",
    "settle",
]
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 5)
    | st.floats()
    | st.sampled_from(["7d", "x", "/", "a/b", "*"])
)
_values = st.recursive(
    _scalars,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(_NAMES), below),
    max_leaves=9,
)


@hypothesis.settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_KEYS), _values))
def test_whatever_a_file_says_it_makes_settings_or_problems_with_lines(
    tmp_path_factory: pytest.TempPathFactory, section: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump({"storage": section}), encoding="utf-8")
    outcome = _outcome(path)
    if isinstance(outcome, Settings):
        assert Settings(**dict(outcome)) == outcome
    else:
        assert outcome
        assert all(problem.where.startswith(f"{path}:") for problem in outcome)


def _outcome(path: Path) -> Settings | tuple[Problem, ...]:
    try:
        return load_settings(path, environ={})
    except SettingsError as error:
        return error.problems
