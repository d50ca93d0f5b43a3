"""Each setting says where it comes from."""

from __future__ import annotations

from pathlib import Path

from shelflife.settings import Settings, load_settings
from shelflife.settings.origins import settings_in_detail

FILE = """\
storage:
  retention: {uploads: 3d}
  areas:
    frames:
      quota: 50GB
  cleanup:
    enabled: false
  alerts:
    urls: ["mailto://user:password@example.org"]
    webhook: {url: "https://example.org/hook", secret: "0123456789abcdef"}
"""


def found(settings: Settings) -> dict[str, tuple[object, str, str]]:
    return {key: (value, origin.value, where) for key, value, origin, where in settings_in_detail(settings)}


def test_a_value_comes_from_a_line_a_variable_or_is_the_default(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(FILE)
    settings = load_settings(file, environ={"STORAGE_RETENTION_TEMP": "2h", "STORAGE_CLEANUP_DRY_RUN": "yes"})
    shown = found(settings)
    assert shown["areas.uploads.retention"] == (259_200, "file", f"{file}:2")
    assert shown["areas.frames.quota"] == (50 * 10**9, "file", f"{file}:5")
    assert shown["cleanup.enabled"] == (False, "file", f"{file}:7")
    assert shown["areas.temp.retention"] == (7200, "environment", "environment STORAGE_RETENTION_TEMP")
    assert shown["cleanup.dry_run"] == (True, "environment", "environment STORAGE_CLEANUP_DRY_RUN")
    assert shown["areas.frames.retention"] == (2_592_000, "default", "")
    assert shown["limits.confirm_above"] == (50, "default", "")
    assert shown["base_path"] == (str(tmp_path / "storage"), "default", "")
    assert shown["pressure"] == (None, "default", "")


def test_a_base_path_that_is_given_says_where(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("storage:\n  base_path: data\n")
    assert found(load_settings(file, environ={}))["base_path"] == (
        str(tmp_path / "data"),
        "file",
        f"{file}:2",
    )
    told = load_settings(file, environ={"STORAGE_BASE_PATH": "/srv/other"})
    assert found(told)["base_path"] == ("/srv/other", "environment", "environment STORAGE_BASE_PATH")


def test_no_secret_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(FILE)
    shown = str(found(load_settings(file, environ={})))
    for secret in ("password", "0123456789abcdef", "example.org"):
        assert secret not in shown


def test_what_a_program_gave_is_told_from_the_defaults(tmp_path: Path) -> None:
    shown = found(Settings.build(base_path=tmp_path, areas={"inbox": "1d"}, cleanup={"workers": 3}))
    assert shown["areas.inbox.retention"][:2] == (86_400, "program")
    assert shown["cleanup.workers"] == (3, "program", "")
    assert shown["cleanup.retries"][1] == "default"


def test_settings_that_differ_in_where_they_stand_are_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "config.yaml", tmp_path / "config.yaml"
    first.write_text("storage: {cleanup: {workers: 3}}\n")
    one = load_settings(first, environ={})
    second.write_text("\n\nstorage: {cleanup: {workers: 3}}\n")
    assert one == load_settings(second, environ={})
