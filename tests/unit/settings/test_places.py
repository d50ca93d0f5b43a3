from __future__ import annotations

import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

import shelflife
from shelflife import Settings, SettingsError
from shelflife.settings.places import check_path, overlap, resolved_against, unsafe_base_path

_CHECKOUT = Path(shelflife.__file__).resolve().parents[1]

_SYSTEM = (
    "/etc",
    "/etc/media",
    "/usr",
    "/usr/lib",
    "/usr/bin/x",
    "/usr/share",
    "/home",
    "/var",
    "/var/lib",
    "/boot/a",
    "/dev",
    "/proc",
    "/proc/1",
    "/sys",
    "/run",
    "/opt",
    "/bin",
    "/lib",
    "/root",
)

_BESIDE = (
    "/srv/media",
    "/srv",
    "/mnt",
    "/media",
    "/data",
    "/var/lib/media",
    "/var/media",
    "/opt/app/storage",
    "/dev/shm/storage",
    "/home/ada/media",
    "/usr/local/media",
    "/run/media/disk",
    "/etcetera",
)


def _users(monkeypatch: pytest.MonkeyPatch, homes: dict[str, str]) -> None:
    entries = [SimpleNamespace(pw_name=name, pw_dir=home) for name, home in homes.items()]
    monkeypatch.setattr(pwd, "getpwall", lambda: entries)


@pytest.mark.parametrize("path", ["/", "//", "/..", "/tmp/.."])
def test_the_root_is_no_storage(path: str) -> None:
    assert "is the root of the file system" in str(unsafe_base_path(Path(path)))


def test_the_home_of_whoever_runs_this_is_no_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "is the home directory of the user who runs this" in str(unsafe_base_path(tmp_path))


def test_nobody_elses_home_is_a_storage_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _users(monkeypatch, {"nobody": "", "ada": str(tmp_path)})
    assert "is the home directory of ada" in str(unsafe_base_path(tmp_path))


def test_a_home_is_known_through_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    _users(monkeypatch, {"ada": str(tmp_path / "link")})
    assert unsafe_base_path(tmp_path / "real")
    _users(monkeypatch, {"ada": str(tmp_path / "real")})
    assert unsafe_base_path(tmp_path / "link")


def test_a_directory_in_a_home_may_be_a_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert unsafe_base_path(tmp_path / "storage") is None


def test_a_user_without_a_home_forbids_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    _users(monkeypatch, {})
    assert unsafe_base_path(tmp_path) is None


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_what_holds_the_program_is_no_storage(levels: int) -> None:
    path = (_CHECKOUT, *_CHECKOUT.parents)[levels]
    assert unsafe_base_path(path) is not None


def test_the_checkout_is_refused_because_it_holds_the_program() -> None:
    assert "holds this program" in str(unsafe_base_path(_CHECKOUT))


def test_what_holds_the_configuration_is_no_storage(tmp_path: Path) -> None:
    source = tmp_path / "a" / "b" / "config.yaml"
    assert "holds the configuration file" in str(unsafe_base_path(tmp_path / "a" / "b", source=source))
    assert "holds the configuration file" in str(unsafe_base_path(tmp_path / "a", source=source))
    assert unsafe_base_path(tmp_path / "a" / "b" / "storage", source=source) is None
    assert unsafe_base_path(tmp_path / "a" / "bb", source=source) is None


def test_a_linked_configuration_is_protected_at_both_ends(tmp_path: Path) -> None:
    for name in ("real", "seen"):
        (tmp_path / name).mkdir()
    (tmp_path / "real" / "config.yaml").touch()
    source = tmp_path / "seen" / "config.yaml"
    source.symlink_to("../real/config.yaml")
    assert unsafe_base_path(tmp_path / "real", source=source)
    assert unsafe_base_path(tmp_path / "seen", source=source)


def test_a_relative_path_starts_from_the_directory(tmp_path: Path) -> None:
    assert resolved_against(tmp_path, "x/y") == tmp_path / "x" / "y"
    assert resolved_against(tmp_path, "/srv") == Path("/srv")


def test_two_dots_lead_where_the_file_system_leads(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/deep")
    assert resolved_against(tmp_path / "link", "../x") == tmp_path / "real" / "x"


@pytest.mark.parametrize("value", ["/srv/media", Path("/srv/media"), "/srv/medi\udce9n"], ids=repr)
def test_an_absolute_path_is_taken(value: str | Path) -> None:
    assert check_path(value) == Path(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("storage", "not an absolute path"),
        (Path("storage"), "not an absolute path"),
        ("", "not a path"),
        ("/a\0b", "not a path"),
        (5, "not a path"),
        (True, "not a path"),
        (None, "not a path"),
        ([], "not a path"),
        ("~/storage", "~ and variables are not replaced here"),
        ("$HOME/storage", "~ and variables are not replaced here"),
        ("/srv/${NAME}", "~ and variables are not replaced here"),
    ],
    ids=repr,
)
def test_what_is_no_absolute_path_is_refused(value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("$", r"\$")):
        check_path(value)


def test_directories_overlap_when_one_holds_the_other(tmp_path: Path) -> None:
    assert overlap(tmp_path, tmp_path)
    assert overlap(tmp_path, tmp_path / "a")
    assert overlap(tmp_path / "a", tmp_path)
    assert not overlap(tmp_path / "a", tmp_path / "ab")


@pytest.mark.parametrize(
    "path",
    _SYSTEM,
)
def test_a_directory_of_the_system_is_no_storage(path: str) -> None:
    assert unsafe_base_path(Path(path)) is not None


@pytest.mark.parametrize(
    "path",
    _BESIDE,
)
def test_what_lies_beside_them_may_be_one(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _users(monkeypatch, {"ada": "/home/ada"})
    assert unsafe_base_path(Path(path)) is None


@pytest.mark.parametrize(
    ("home", "words"),
    [("uploads", "is the home directory of ada"), ("uploads/deep/ada", "the home directory of ada")],
)
def test_an_area_is_nobody_s_home_and_holds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, words: str
) -> None:
    _users(monkeypatch, {"ada": str(tmp_path / home)})
    with pytest.raises(SettingsError, match=words) as refused:
        Settings.build(base_path=tmp_path, areas={"uploads": "7d", "frames": "7d"})
    assert len(refused.value.problems) == 1
    _users(monkeypatch, {"ada": str(tmp_path / "others")})
    Settings.build(base_path=tmp_path, areas={"uploads": "7d"})


@pytest.mark.parametrize("path", ["cam*", "c?m", "rec/[ab]", "{a,b}", "*"])
def test_a_pattern_is_no_directory_of_an_area(tmp_path: Path, path: str) -> None:
    for area in ({"path": path, "retention": "7d"}, {"aliases": [path], "retention": "7d"}):
        with pytest.raises(SettingsError, match="is not a pattern here: each area is one directory"):
            Settings.build(base_path=tmp_path, areas={"rec": area})
