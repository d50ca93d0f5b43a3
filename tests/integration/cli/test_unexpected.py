"""What nobody is likely to have meant is told: by `check`, and by `plan` until something was cleaned."""

from __future__ import annotations

import os

import pytest

from tests.integration.cli.conftest import Result, Site

_CONFIG = """\
storage:
  base_path: storage
  default_areas: false
  areas: {areas}
"""


def _told(site: Site, areas: str) -> tuple[Result, Result]:
    """Return what `check` and the first `plan` say; a plan that was made has read the storage."""
    site.configure(_CONFIG.format(areas=areas))
    plan = site.call("plan")
    return site.call("check"), plan


def test_files_from_the_future_are_counted(site: Site) -> None:
    for number in range(3):
        os.utime(site.file(f"uploads/d/{number}", size=100), (2_082_758_400, 2_082_758_400))
    site.file("uploads/d/now", age=0)
    for result in _told(site, "{uploads: {retention: 7d}}"):
        assert "3 files (300 B) from the future, up to 2036-01-01" in " ".join(
            (result.out + result.err).split()
        )
        assert result.code == 0


def test_a_file_of_the_coming_hour_is_no_finding(site: Site) -> None:
    site.file("uploads/soon", age=-600)
    for result in _told(site, "{uploads: {retention: 7d}}"):
        assert "future" not in result.out + result.err


def test_a_directory_of_no_area_is_told_with_the_area_that_it_may_be_meant_for(site: Site) -> None:
    for name in ("uplaods", "other", "deep/frames", "deep/stray", ".hidden", "lost+found"):
        (site.base / name).mkdir(parents=True)
    areas = "{uploads: {retention: 7d, path: uplaods}, frames: {retention: 7d, path: deep/frames}}"
    for result in _told(site, areas):
        told = " ".join((result.out + result.err).split())
        assert "uploads/ belongs to no area (area uploads is uplaods/): nothing in it is counted" in told
        for name in ("other/", "deep/stray/", "outputs/"):
            assert f"{name} belongs to no area: nothing" in told
        for name in ("uplaods/", "deep/", "deep/frames/", ".hidden/", "lost+found/", ".shelflife/"):
            assert f" {name} belongs" not in told


def test_of_many_such_directories_the_first_are_told(site: Site) -> None:
    for number in range(20):
        (site.base / f"stray-{number:02}").mkdir()
    (check, _) = _told(site, "{uploads: {retention: 7d}}")
    assert check.out.count("belongs to no area") == 5
    assert "17 more directories belong to no area" in check.out


@pytest.mark.parametrize(("retention", "told"), [("7", True), ("3599", True), ("1h", False), ("-1", False)])
def test_a_retention_of_seconds_is_asked_about(site: Site, retention: str, *, told: bool) -> None:
    for result in _told(site, f"{{uploads: {{retention: {retention}}}}}"):
        words = f"retention is {retention} seconds: files go that soon; a number without a unit means seconds"
        assert (words in " ".join((result.out + result.err).split())) is told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("trash: 5", "trash is 5 seconds: what was removed can be brought back no longer than that"),
        ("trash: 1", "trash is 1 second: "),
        ("trash: 1h", None),
        ("min_age: 24", "min_age is 24 seconds: anything older may go because of a quota or a full disk"),
        ("min_age: 0", None),
        ("min_age: 30m", None),
        (
            'rules: [{match: ["*.log", "*.tmp"], retention: 3}]',
            "retention of *.log, *.tmp is 3 seconds:",
        ),
        ('rules: [{match: "*.log", retention: 3h}]', None),
    ],
)
def test_other_durations_of_seconds_are_asked_about(site: Site, settings: str, told: str | None) -> None:
    for result in _told(site, f"{{uploads: {{retention: 7d, {settings}}}}}"):
        shown = " ".join((result.out + result.err).split())
        assert "a number without a unit means seconds" in shown if told else "without a unit" not in shown
        assert (told or "") in shown


def _copied(site: Site, count: int, directory: str = "uploads") -> None:
    """Make files as `cp -p` does: here just now, with old times."""
    for number in range(count):
        site.file(f"{directory}/card/{number}", age="40d", size=100)


def test_files_that_came_just_now_with_old_times_are_told_before_the_first_cleanup(site: Site) -> None:
    _copied(site, 20)
    site.file("uploads/young", age="1d")
    for result in _told(site, "{uploads: {retention: 7d}}"):
        told = " ".join((result.out + result.err).split())
        assert "20 files (2.00 kB) are due by their times, but came here more recently" in told
        assert "`age_from: arrived` counts from when a file came" in told


@pytest.mark.parametrize("way", ["copied", "moved"])
def test_what_came_since_the_last_cleanup_and_is_due_already_is_told_however_it_came(
    site: Site, way: str
) -> None:
    site.configure(_CONFIG.format(areas="{uploads: {retention: 7d}}"))
    site.file("uploads/old")
    site.call("cleanup", "--yes")
    assert "came after" not in site.call("plan").err + site.call("check").out
    _copied(site, 3, "uploads" if way == "copied" else "elsewhere")
    if way == "moved":
        (site.base / "elsewhere/card").rename(site.base / "uploads/card")
    plan, check = site.call("plan"), site.call("check")
    for told in (plan.err, check.out):
        assert "3 files (300 B) are due by their times, but came after the last cleanup" in " ".join(
            told.split()
        )
    site.call("cleanup", "--yes")
    assert "came after" not in site.call("plan").err + site.call("check").out


@pytest.mark.parametrize(
    "area", ["{retention: 7d, age_from: arrived}", "{retention: -1}", "{retention: 60d}"]
)
def test_nothing_has_come_where_nothing_is_due(site: Site, area: str) -> None:
    _copied(site, 20)
    for result in _told(site, f"{{uploads: {area}}}"):
        assert "due by" not in result.out + result.err


def test_what_is_held_has_not_come(site: Site) -> None:
    site.configure(_CONFIG.format(areas="{uploads: {retention: 7d}}"))
    site.call("cleanup", "--yes")
    _copied(site, 5)
    site.engine.hold(site.base / "uploads/card/0")
    assert "4 files (400 B) are due by their times, but came after" in " ".join(site.call("plan").err.split())
    site.engine.hold(site.base / "uploads/card")
    assert "came after" not in site.call("plan").err + site.call("check").out


def test_a_unit_that_was_moved_in_since_the_last_cleanup_is_told(site: Site) -> None:
    site.configure(_CONFIG.format(areas="{uploads: {retention: 7d, expire: directory}}"))
    site.call("cleanup", "--yes")
    _copied(site, 5, "elsewhere")
    (site.base / "elsewhere/card").rename(site.base / "uploads/card")
    assert "5 files (500 B) are due by their times, but came after" in " ".join(site.call("plan").err.split())


def test_once_something_was_cleaned_only_check_tells(site: Site) -> None:
    (site.base / "stray").mkdir()
    assert "stray/ belongs to no area" in site.call("plan").err
    assert site.call("plan", "--json").err == ""
    site.engine.cleanup()
    assert "stray/" not in site.call("plan").err
    assert "stray/ belongs to no area" in " ".join(site.call("check").out.split())
