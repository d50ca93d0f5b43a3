"""What is the same for every verb: help, configuration, wrong usage, errors."""

import re
from pathlib import Path

import pytest

from shelflife.errors import MEANINGS, ExitCode
from shelflife.settings import load_settings
from tests.integration.cli.conftest import CONFIG, Site

CAUTIOUS = CONFIG + "  limits: {confirm_above_files: 2}\n"

VERBS = ("init", "check", "stats", "plan", "cleanup", "why", "history", "serve", "units")


def test_help_names_every_verb(site: Site) -> None:
    result = site.call("--help")
    assert result.code == 0
    assert all(f"  {verb} " in result.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_each_verb_teaches_by_an_example(site: Site, verb: str) -> None:
    result = site.call(verb, "--help")
    assert result.code == 0
    assert "Example: " in result.out
    assert f"shelflife {verb}" in result.out.partition("Example: ")[2]
    assert "--config FILE" in result.out
    assert "--json" in result.out


def test_no_verb_shows_the_help_and_is_wrong_usage(site: Site) -> None:
    result = site.call()
    assert result.code == 2
    assert result.out.count("Usage:") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["paln"], 'did you mean "plan"?'),
        (["plan", "--jsn"], "--json"),
        (["plan", "upload"], 'did you mean "uploads"?'),
        (["plan", "--at", "2d"], 'did you mean "+2d"?'),
        (["plan", "--at", "tomorrow"], "not a time"),
        (["plan", "--at", "+2 dayz"], "not a duration"),
        (["cleanup", "--unless-ran-within", "20hours"], "not a duration"),
        (["cleanup", "--unless-ran-within", "5"], "5 of what? Say the unit, such as 5h, or 5s for seconds"),
        (["trash", "empty", "--older-than", "7"], "7 of what? Say the unit"),
        (["units", "crom"], 'did you mean "cron"?'),
        (["why"], "PATH"),
        (["why", ""], "not a path"),
        (["history", "99"], "there is no run 99"),
        (["stats", "--config", "missing.yaml"], "missing.yaml"),
    ],
)
def test_wrong_usage_is_one_clear_error(site: Site, arguments: list[str], words: str) -> None:
    result = site.call(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert words in result.err
    assert "Traceback" not in result.err


def test_an_error_is_json_too_where_json_was_asked_for(site: Site) -> None:
    result = site.call("plan", "upload", "--json")
    assert result.json["error"]["type"] == "usage"
    assert result.json["error"]["exit_code"] == result.code == 2
    assert "uploads" in result.err


def test_every_problem_of_the_configuration_is_listed(site: Site) -> None:
    site.configure("storage: {retention: {uploads: 7 dayz}, cleanup: {batch_size: none}}")
    result = site.call("plan", "--json")
    assert result.code == 2
    assert [problem["key"] for problem in result.json["error"]["problems"]] == [
        "storage.retention.uploads",
        "storage.cleanup.batch_size",
    ]
    assert "7 dayz" in result.err


def test_without_a_configuration_the_error_says_how_to_begin(site: Site) -> None:
    (site.directory / "config.yaml").unlink()
    result = site.call("plan")
    assert result.code == 2
    assert "shelflife init --example" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["stats", "--config", "other.yaml", "--json"],
        ["--config", "other.yaml", "--json", "stats"],
        ["--config=other.yaml", "stats", "--json"],
    ],
)
def test_config_and_json_are_taken_before_and_after_the_verb(site: Site, arguments: list[str]) -> None:
    (site.directory / "config.yaml").rename(site.directory / "other.yaml")
    result = site.call(*arguments)
    assert (result.code, result.json["total_files"]) == (0, 0)


def test_a_path_that_looks_like_an_option_is_a_path(site: Site) -> None:
    result = site.call("why", "--", "--json")
    assert result.code == 0
    assert result.out.startswith(str(site.directory / "--json"))


def test_a_storage_that_is_not_there_is_told_with_the_way_out(site: Site) -> None:
    site.configure("storage: {base_path: nowhere}")
    for verb in (["plan"], ["stats"], ["cleanup"], ["why", "x"], ["history"]):
        result = site.call(*verb)
        assert (result.code, result.out) == (2, "")
        assert "`shelflife init` creates it" in result.err


# -- init


def test_init_makes_what_is_missing_and_says_so(site: Site) -> None:
    (site.base / "uploads").rmdir()
    result = site.call("init", "--json")
    assert result.json["areas"]["uploads"] == {"path": str(site.base / "uploads"), "created": True}
    assert result.json["areas"]["outputs"]["created"] is False
    assert site.call("init").out == f"{site.base} is ready: 3 areas\n"


def test_init_tells_what_is_in_the_way(site: Site) -> None:
    (site.base / "uploads").rmdir()
    (site.base / "uploads").write_text("a file")
    result = site.call("init")
    assert result.code == 2
    assert f"{site.base / 'uploads'} is in the way" in result.err


def test_the_example_is_a_valid_configuration(site: Site) -> None:
    (site.directory / "config.yaml").unlink()
    result = site.call("init", "--example")
    site.configure(result.out)
    settings = load_settings(site.directory / "config.yaml")
    assert list(settings.areas) == ["uploads", "results"]
    assert site.call("init").code == site.call("check").code == 0


# -- check


def test_check_marks_each_finding_and_fails_on_an_error(site: Site) -> None:
    assert site.call("check").code == 0
    (site.base / "uploads").rmdir()
    result = site.call("check")
    assert result.code == 2
    assert "✗ area uploads" in result.out
    assert "✓ area outputs" in result.out


def test_check_takes_a_wrong_configuration_for_a_finding(site: Site) -> None:
    site.configure("storage: {retention: {uploads: 7 dayz}}")
    result = site.call("check", "--json")
    assert result.code == 2
    assert [finding["level"] for finding in result.json] == ["error"]


# -- units


def test_units_call_this_configuration_from_anywhere(site: Site) -> None:
    result = site.call("units", "cron")
    assert result.code == 0
    assert f"--config {site.directory / 'config.yaml'}" in result.out
    assert "cleanup --unless-ran-within" in result.out


def test_units_can_be_written_to_a_directory(site: Site) -> None:
    files = site.call("units", "systemd", "--json").json
    (site.directory / "units").mkdir()
    assert site.call("units", "systemd", "--output", "units").code == 0
    written = {path.name: path.read_text() for path in (site.directory / "units").iterdir()}
    assert written == files
    assert any(name.endswith(".timer") for name in written)


# -- the documentation


def test_the_table_of_exit_codes_in_the_documentation_is_that_of_the_code() -> None:
    text = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    table = text.partition("### Exit codes")[2].partition("###")[0]
    documented = {int(row.split("|")[1]) for row in table.splitlines() if re.match(r"\| \d+ \|", row)}
    assert documented >= set(ExitCode)
    assert {meaning.exit_code for meaning in MEANINGS.values()} <= documented
    assert all(f"## {verb}\n" in text for verb in VERBS)


# -- options anywhere, completion


@pytest.mark.parametrize("verb", ["hold list", "trash list", "alerts list", "stats", "plan", "history"])
def test_options_may_stand_before_and_behind_every_verb(site: Site, verb: str) -> None:
    (site.directory / "config.yaml").rename(site.directory / "other.yaml")
    first, *second = verb.split()
    options = ["--config", "other.yaml", "--json"]
    results = [
        site.call(*options, first, *second),
        site.call(first, *options, *second),
        site.call(first, *second, *options),
    ]
    assert [result.code for result in results] == [0, 0, 0]


def test_the_version_can_be_asked_for(site: Site) -> None:
    result = site.call("--version")
    assert result.code == 0
    assert result.out.startswith("shelflife ")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["pl"], ["plan"]),
        (["hold", ""], ["add", "list", "remove"]),
        (["plan", "u"], ["uploads"]),
        (["--config", "config.yaml", "plan", "u"], ["uploads"]),
        (["history", ""], ["1"]),
        (["history", "--state", "ref"], ["refused"]),
        (["history", "--area", "con"], ["contact_sheets"]),
        (["plan", "--f"], ["--files"]),
        (["why", ""], []),
        (["paln", ""], []),
        (["trash", "restore", ""], ["1"]),
    ],
    ids=" ".join,
)
def test_a_shell_is_told_what_may_stand_there(site: Site, typed: list[str], offered: list[str]) -> None:
    site.call("cleanup")
    assert site.call("completion", "words", "--", *typed).out.split() == offered


def test_a_shell_is_told_what_is_held_and_which_plan_waits(site: Site) -> None:
    site.configure(CAUTIOUS)
    held = str(site.file("uploads/held"))
    site.call("hold", "add", held)
    for number in range(5):
        site.file(f"uploads/{number}")
    plan = site.call("cleanup", "--json").json["error"]["plan"]
    assert site.call("completion", "words", "--", "cleanup", "--approve", "").out.split() == [plan]
    assert site.call("completion", "words", "--", "hold", "remove", "").out.split() == [held]


def test_completion_offers_nothing_where_nothing_can_be_read(site: Site) -> None:
    (site.directory / "config.yaml").unlink()
    result = site.call("completion", "words", "--", "plan", "")
    assert (result.code, result.out, result.err) == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(site: Site, shell: str) -> None:
    assert "shelflife completion words" in site.call("completion", shell).out


def test_several_paths_are_explained_one_after_the_other(site: Site) -> None:
    site.file("uploads/a")
    site.file("uploads/b", age="1d")
    told = site.call("why", "storage/uploads/a", "storage/uploads/b").out
    assert (told.count("\nexpired: "), told.count("\nwaiting: ")) == (1, 1)


def test_the_history_can_be_filtered(site: Site) -> None:
    for size in (10, 3000, 20):
        site.file(f"uploads/{size}", size=size)
        site.call("cleanup")
    site.file("contact-sheets/old", age="40d", size=5)
    site.call("cleanup", "contact_sheets")

    def runs(*options: str) -> list[int]:
        return [run["run"] for run in site.call("history", "--json", *options).json]

    assert runs("--top", "1") == [2]
    assert runs("--area", "contact-sheets") == [4, 3, 2, 1]
    assert runs("--area", "uploads") == [3, 2, 1]
    assert runs("--state", "refused") == []
    assert runs("--since", "1h") == [4, 3, 2, 1]
    assert runs("--since", "2100-01-01") == []
    assert 'did you mean "done"?' in site.call("history", "--state", "dnoe").err
    assert "none of its files is like that" in site.call("history", "1", "--state", "failed").out
