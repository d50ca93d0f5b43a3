"""What each verb does to a storage, in the process of the test."""

import os
from pathlib import Path

import pytest

from shelflife.run.lock import cleanup_lock
from shelflife.testing import aged_file
from tests.integration.cli.conftest import CONFIG, Site

STABLE = {
    "run", "plan", "scanned", "removed", "trashed", "kept", "failed", "displaced", "bytes_freed", "areas",
    "failures",
}  # fmt: skip


# -- plan


def test_a_plan_tells_what_would_go_and_removes_nothing(site: Site) -> None:
    old, new = site.file("uploads/old"), site.file("uploads/new", age="6d")
    result = site.call("plan", "--json")
    assert result.code == 0
    assert result.json["files"] == 1
    assert result.json["areas"]["uploads"]["directories"] == 1
    assert result.json["areas"]["outputs"]["cutoff"] is None
    assert old.exists()
    assert new.exists()


def test_a_plan_for_people_names_area_cutoff_and_cause(site: Site) -> None:
    site.file("uploads/old", size=2048)
    result = site.call("plan", "uploads")
    row = next(line for line in result.out.splitlines() if line.lstrip().startswith("uploads"))
    assert row.split()[1:5] == ["1", "2.05", "kB", "1"]
    assert row.endswith("  retention")
    assert "outputs" not in result.out


def test_an_area_is_named_by_its_directory_too(site: Site) -> None:
    assert list(site.call("plan", "contact-sheets", "--json").json["areas"]) == ["contact_sheets"]


def test_files_are_absolute_paths_one_a_line_and_nothing_else(site: Site) -> None:
    paths = {str(site.file("uploads/a")), str(site.file("uploads/deep/b")), str(site.file("uploads/c d"))}
    site.file("uploads/x.keep")
    result = site.call("plan", "--files")
    assert (set(result.out.splitlines()), result.err) == (paths, "")


def test_a_strange_name_stays_on_its_line(site: Site) -> None:
    names = ["a\nb", "esc\x1b[2J", os.fsdecode(b"caf\xe9")]
    for name in names:
        site.file(f"uploads/{name}")
    lines = sorted(site.call("plan", "--files").out.splitlines())
    assert [line.rpartition("/")[2] for line in lines] == [r"a\nb", r"caf\xe9", r"esc\x1b[2J"]


def test_files_as_json_are_lines(site: Site) -> None:
    site.file("uploads/a", size=7)
    [line] = site.call("plan", "--files", "--json").lines
    assert (line["path"], line["area"], line["size"]) == (str(site.base / "uploads/a"), "uploads", 7)


@pytest.mark.parametrize(
    ("at", "files"), [("+1d", 0), ("+3d", 1), ("2100-01-01", 1), ("2000-01-01T00:00Z", 0)]
)
def test_a_plan_for_another_time_has_its_cutoffs(site: Site, at: str, files: int) -> None:
    site.file("uploads/a", age="5d")
    assert site.call("plan", "--at", at, "--json").json["files"] == files


def test_what_could_not_be_looked_at_is_told_and_counts(site: Site) -> None:
    (site.base / "uploads").rmdir()
    site.file("contact-sheets/old", age="40d")
    result = site.call("plan")
    assert result.code == 1
    assert "uploads: No such file or directory" in result.err
    assert "contact_sheets      1" in result.out


def test_a_directory_that_goes_between_plan_and_list_is_left_out(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.file("uploads/gone/a")
    stays = site.file("uploads/stays/b")
    made = site.engine.plan()
    (site.base / "uploads/gone/a").unlink()
    (site.base / "uploads/gone").rmdir()
    monkeypatch.setattr("shelflife.engine.Engine.plan", lambda *_, **__: made)
    assert site.call("plan", "--files").out == f"{stays}\n"


# -- cleanup


def test_a_cleanup_removes_and_reports(site: Site) -> None:
    old, new = site.file("uploads/old", size=100), site.file("uploads/new", age="6d")
    result = site.call("cleanup", "--json")
    assert result.code == 0
    assert result.json.keys() >= STABLE
    assert (result.json["removed"], result.json["kept"], result.json["bytes"]) == (1, 1, 100)
    assert not old.exists()
    assert new.exists()


def test_a_cleanup_of_one_area_leaves_the_others(site: Site) -> None:
    upload, sheet = site.file("uploads/old"), site.file("contact-sheets/old", age="40d")
    result = site.call("cleanup", "contact-sheets")
    assert "contact_sheets" in result.out
    assert not sheet.exists()
    assert upload.exists()


@pytest.mark.parametrize("by_configuration", [False, True])
def test_a_dry_run_is_a_plan(site: Site, by_configuration: bool) -> None:
    old = site.file("uploads/old")
    if by_configuration:
        site.configure(CONFIG.replace("cleanup: {", "cleanup: {dry_run: true, "))
    result = site.call("cleanup", "--json", *([] if by_configuration else ["--dry-run"]))
    assert (result.code, result.json["files"]) == (0, 1)
    assert ("cleanup.dry_run is true" in result.err) == by_configuration
    assert old.exists()
    assert site.engine.history() == []


def test_a_cleanup_that_could_not_look_everywhere_exits_with_1(site: Site) -> None:
    (site.base / "uploads").rmdir()
    sheet = site.file("contact-sheets/old", age="40d")
    result = site.call("cleanup")
    assert result.code == 1
    assert result.err.count("uploads: No such file or directory") == 1
    assert not sheet.exists()


def test_two_cleanups_at_once_the_second_says_who_has_the_lock(site: Site) -> None:
    old = site.file("uploads/old")
    with cleanup_lock(site.engine.state, "cleanup by schedule"):
        result = site.call("cleanup", "--json")
    assert result.code == 4
    assert result.json["error"]["type"] == "cleanup-busy"
    assert result.json["error"]["holder"]["pid"] == os.getpid()
    assert f"process {os.getpid()} on " in result.err
    assert old.exists()


def test_a_recent_cleanup_is_not_repeated_where_that_is_asked_for(site: Site) -> None:
    assert site.call("cleanup").code == 0
    old = site.file("uploads/old")
    result = site.call("cleanup", "--unless-ran-within", "20h")
    assert result.code == 0
    assert result.out.startswith("skipped: run 1 ended ")
    assert result.err == ""
    assert old.exists()
    assert site.call("cleanup", "--unless-ran-within", "20h", "--json").json["skipped"]["run"] == 1


def test_a_cleanup_of_other_areas_was_not_this_one(site: Site) -> None:
    site.call("cleanup", "contact_sheets")
    old = site.file("uploads/old")
    assert "skipped" in site.call("cleanup", "contact_sheets", "--unless-ran-within", "20h").out
    assert site.call("cleanup", "--unless-ran-within", "20h").code == 0
    assert not old.exists()


# -- approval

CAUTIOUS = CONFIG + "  limits: {confirm_above_files: 2}\n"


def test_a_first_large_cleanup_is_refused_until_a_person_approves_its_plan(site: Site) -> None:
    site.configure(CAUTIOUS)
    files = [site.file(f"uploads/{number}") for number in range(5)]
    refused = site.call("cleanup", "--json")
    assert refused.code == 3
    assert refused.json["error"]["type"] == "needs-approval"
    assert all(file.exists() for file in files)
    number = refused.json["error"]["plan"]
    assert f"shelflife cleanup --approve {number}" in refused.err
    assert site.call("cleanup", "--approve", number, "--json").json["removed"] == 5
    assert not any(file.exists() for file in files)
    assert site.call("cleanup", "--approve", number).code == 2


def test_a_plan_says_that_it_needs_approval_and_can_be_approved(site: Site) -> None:
    site.configure(CAUTIOUS)
    assert site.call("plan", "--json").json["needs_approval"] is False
    files = [site.file(f"uploads/{number}") for number in range(5)]
    shown = site.call("plan", "--json").json
    [reason] = shown["reasons"]
    assert "no cleanup has ever removed" in reason
    assert f"--approve {shown['plan']}" not in reason
    assert "shelflife cleanup --approve" in site.call("plan").out
    assert site.call("cleanup", "--approve", shown["plan"]).code == 0
    assert not any(file.exists() for file in files)


def test_a_plan_for_another_time_cannot_be_approved(site: Site) -> None:
    site.configure(CAUTIOUS)
    files = [site.file(f"uploads/{number}", age="6d") for number in range(5)]
    shown = site.call("plan", "--at", "+2d", "--json").json
    assert (shown["files"], shown["needs_approval"]) == (5, False)
    assert site.call("cleanup", "--approve", shown["plan"]).code == 2
    assert all(file.exists() for file in files)


@pytest.mark.parametrize("also", [["uploads"], ["--dry-run"], ["--unless-ran-within", "1h"]], ids=" ".join)
def test_an_approved_plan_runs_as_it_was_made(site: Site, also: list[str]) -> None:
    assert "as it was made" in site.call("cleanup", "--approve", "abc", *also).err


# -- stats, why, history


def test_stats_are_those_of_the_contract(site: Site) -> None:
    site.file("uploads/a", size=1024)
    assert site.call("stats", "--as-recorded", "--json").json["complete"] is False
    shown = site.call("stats", "--json").json
    assert (shown["total_files"], shown["total_size_human"], shown["complete"]) == (1, "1.00 KB", True)
    assert "1.02 kB" in site.call("stats", "--as-recorded").out


def test_why_tells_the_future_and_the_past(site: Site) -> None:
    site.file("uploads/old")
    assert "expired: expired" in site.call("why", "storage/uploads/old").out
    site.call("cleanup")
    shown = site.call("why", "storage/uploads/old", "--json").json
    assert (shown["state"], shown["run"]) == ("removed", 1)


def test_why_takes_a_name_that_is_not_utf8(site: Site) -> None:
    name = os.fsdecode(b"storage/uploads/caf\xe9")
    site.file(name.removeprefix("storage/"))
    result = site.call("why", name)
    assert result.code == 0
    assert r"caf\xe9" in result.out


def test_history_lists_runs_and_what_became_of_each_file(site: Site) -> None:
    assert site.call("history").out == "no runs yet\n"
    for number in range(3):
        site.file(f"uploads/{number}")
        site.call("cleanup")
    assert [run["run"] for run in site.call("history", "--json", "-n", "2").json] == [3, 2]
    run, file = site.call("history", "2", "--json").lines
    assert (run["run"], run["state"]) == (2, "done")
    assert (file["path"], file["outcome"]) == ("uploads/1", "removed")
    assert "uploads/1" in site.call("history", "2").out
    site.call("cleanup")
    assert "it had no files to remove" in site.call("history", "4").out


@pytest.mark.parametrize("verb", ["plan", "cleanup"])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_an_area_that_is_a_link_or_a_file_is_refused_and_nothing_is_touched(
    site: Site, tmp_path: Path, verb: str, kind: str
) -> None:
    old = site.file("contact-sheets/old.jpg", age="40d")
    outside = aged_file(tmp_path / "outside" / "old.mp4", age="40d")
    (site.base / "uploads").rmdir()
    if kind == "link":
        (site.base / "uploads").symlink_to(outside.parent)
    else:
        (site.base / "uploads").write_text("")
    result = site.call(verb)
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "uploads is not a directory" in result.err
    assert old.exists()
    assert outside.exists()


def test_a_plan_names_the_directories_most_would_go_from(site: Site) -> None:
    for directory, size in (("a", 10), ("b", 5000), ("c", 100)):
        site.file(f"uploads/{directory}/file", size=size)
    shown = site.call("plan", "--top", "2", "--json").json["largest"]
    assert [(found["path"], found["files"], found["bytes"]) for found in shown] == [
        ("uploads/b/", 1, 5000),
        ("uploads/c/", 1, 100),
    ]
    assert "1 file  uploads/b/\n" in site.call("plan", "--top", "1").out
    assert site.call("plan", "--files", "--top", "1").out == f"{site.base}/uploads/b/file\n"


def test_a_hold_that_was_ended_is_shown_as_it_is_now(site: Site) -> None:
    held = str(site.file("uploads/a"))
    assert site.call("hold", "add", held, "--json").json["active"] is True
    [ended] = site.call("hold", "remove", held, "--json").json
    assert (ended["active"], ended["ended"] is None) == (False, False)


@pytest.mark.parametrize("columns", [80, 40])
def test_what_is_shown_fits_the_terminal(site: Site, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    site.configure(CONFIG.replace("uploads:", "recordings_of_the_north_gate: {retention: 30d}\n    uploads:"))
    site.engine.create()
    site.file("uploads/old", size=123456)
    site.call("hold", "add", str(site.file("uploads/held")), "--reason", "a reason that is rather long " * 5)
    site.call("cleanup")
    monkeypatch.setattr("shelflife.cli.output.columns_of", lambda _: columns)
    for verb in (
        "plan",
        "stats",
        "forecast",
        "history",
        "status",
        "check",
        "hold list",
        "why storage/uploads",
    ):
        lines = site.call(*verb.split()).out.splitlines()
        wide = [line for line in lines if len(line) > columns and str(site.directory) not in line]
        assert wide == [], verb


def test_what_a_quota_took_is_told_with_its_true_cause(site: Site) -> None:
    site.configure(CONFIG.replace("uploads: {", "uploads: {max_files: 1, min_age: 1h, "))
    site.file("uploads/older", age="3d")
    site.file("uploads/newer", age="2d")
    before = site.call("why", "storage/uploads/older", "--json").json
    assert (before["state"], before["reason"], before["cause"]) == ("expired", "quota", "quota")
    assert site.call("why", "storage/uploads/newer", "--json").json["state"] == "waiting"
    assert (
        "more than its quota, 1 file, and the oldest go first"
        in site.call("why", "storage/uploads/older").out
    )
    site.call("cleanup")
    told = site.call("why", "storage/uploads/older", "--json").json
    assert (told["state"], told["reason"], told["cause"]) == ("removed", "quota", "quota")
    shown = site.call("why", "storage/uploads/older").out
    assert "because of the quota" in shown
    assert "had expired" not in shown
    assert "(quota)" in site.call("history", "1").out
    assert [file["cause"] for file in site.call("history", "1", "--json").lines[1:]] == ["quota"]


def test_what_was_purged_from_the_trash_says_so(site: Site) -> None:
    site.configure(CONFIG.replace("uploads: {", "uploads: {trash: 2d, "))
    site.file("uploads/old")
    site.call("cleanup")
    assert site.call("history", "1", "--json").lines[1]["cause"] == "retention"
    site.call("trash", "empty")
    assert [file["cause"] for file in site.call("history", "2", "--json").lines[1:]] == ["purge"]


def test_where_one_of_two_comes_back_from_the_trash_the_exit_code_says_that_some_failed(site: Site) -> None:
    site.configure(CONFIG.replace("uploads: {", "uploads: {trash: 2d, "))
    for name in "ab":
        site.file(f"uploads/{name}")
    site.call("cleanup")
    site.file("uploads/a", age=0)
    result = site.call("trash", "restore", "1")
    assert result.code == 1
    assert "1 of 2 files restored; cannot restore uploads/a" in result.err
    assert (site.base / "uploads/b").exists()
    assert site.call("trash", "restore", "1").code == 2


def test_what_went_by_a_rule_is_told_apart_from_what_went_by_the_retention_of_the_area(site: Site) -> None:
    site.configure(CONFIG.replace("uploads: {", 'uploads: {rules: [{match: "*.log", retention: 1d}], '))
    for name in ("old.bin", "old.log"):
        site.file(f"uploads/{name}", age="40d")
    assert site.call("why", "storage/uploads/old.log", "--json").json["cause"] == "rule"
    assert site.call("why", "storage/uploads/old.bin", "--json").json["cause"] == "retention"
    site.call("cleanup")
    run, *files = site.call("history", "1", "--json").lines
    assert {file["path"]: file["cause"] for file in files} == {
        "uploads/old.bin": "retention",
        "uploads/old.log": "rule",
    }
    (log,) = [kind for kind in run["cutoffs"]["uploads"]["classes"] if kind["match"] == ["*.log"]]
    assert (run["cutoffs"]["uploads"]["cause"], log["cause"]) == ("retention", "rule")
    assert log["cutoff"] > run["cutoffs"]["uploads"]["cutoff"]
    told = site.call("history", "1").out
    assert "by a rule of uploads" in told
    assert "uploads, *.log: what is older than" in told
    assert site.call("why", "storage/uploads/old.log", "--json").json["cause"] == "rule"
    assert "by a rule of area uploads" in site.call("why", "storage/uploads/old.log").out


def test_an_area_that_is_kept_may_lose_files_by_a_rule_and_its_history_says_so(site: Site) -> None:
    site.configure(CONFIG.replace("outputs: {", 'outputs: {rules: [{match: "*.log", retention: 1d}], '))
    site.file("outputs/a.log", age="40d")
    site.call("cleanup")
    run, *files = site.call("history", "1", "--json").lines
    assert [file["cause"] for file in files] == ["rule"]
    assert run["cutoffs"]["outputs"]["cutoff"] is None
    assert "outputs, *.log: what is older than" in site.call("history", "1").out


def test_an_area_of_which_only_rules_let_anything_go_is_planned_and_told(site: Site) -> None:
    rules = '[{match: "*.log", retention: 3d}]'
    areas = f"{{outputs: {{retention: -1, rules: {rules}}}}}"
    site.configure(f"storage: {{base_path: storage, default_areas: false, areas: {areas}}}")
    site.file("outputs/a.log")
    site.file("outputs/kept")
    planned = site.call("plan").out
    assert "its rules" in planned
    assert "kept indefinitely" not in planned
    site.call("cleanup", "--yes")
    assert "outputs: kept indefinitely, but for what its rules let go" in site.call("history", "1").out
    run, file = site.call("history", "1", "--json").lines
    outputs = run["cutoffs"]["outputs"]
    assert (outputs["cutoff"], outputs["cause"]) == (None, None)
    assert (file["path"], file["cause"]) == ("outputs/a.log", "rule")
    assert site.call("why", "storage/outputs/a.log", "--json").json["cause"] == "rule"


def test_a_restore_shows_what_it_would_do_then_does_it_and_says_how_to_end_its_hold(site: Site) -> None:
    site.configure(CONFIG.replace("uploads: {", "uploads: {trash: 2d, "))
    for path in ("dir/a", "dir/b", "c"):
        site.file(f"uploads/{path}")
    site.call("cleanup")
    shown = site.call("trash", "restore", "--area", "uploads", "--since", "1d", "--dry-run")
    assert "3 files" in shown.out
    assert not (site.base / "uploads/c").exists()
    would = site.call("trash", "restore", "1", "--dry-run", "--json").json
    assert (would["files"], would["taken"], would["would_restore_truncated"]) == (3, 0, False)
    done = site.call("trash", "restore", "1", "--json").json
    assert (done["run"], done["state"], done["files"], done["failed"]) == (2, "done", 3, 0)
    assert {path["path"] for path in done["restored"]} == {"uploads/c", "uploads/dir/"}
    assert done["hold"]["members"] is True
    assert "what run 2 restored, in uploads" in site.call("hold", "list").out
    assert "restored" in site.call("history").out
    assert "no longer held: what run 2 restored" in site.call("hold", "remove", "2").out
    assert site.call("trash", "restore").code == 2
