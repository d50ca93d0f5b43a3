"""Whoever may not write gets answers all the same, or one clear sentence."""

import os
from collections.abc import Iterator

import pytest

from tests.integration.cli.conftest import CONFIG, Site
from tests.integration.engine.users import common_directory, needs_root, ordinary_user


@pytest.fixture
def foreign(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A storage of root's with a run behind it, which others may read; but not its records."""
    with common_directory() as directory:
        os.chown(directory, os.geteuid(), os.getegid())
        directory.chmod(0o755)
        monkeypatch.chdir(directory)
        site = Site(directory, capsys)
        site.configure(CONFIG)
        site.engine.create()
        site.file("uploads/removed")
        for verb in (["cleanup"], ["plan"], ["stats"], ["history"], ["check"], ["why", "storage/uploads"]):
            site.call(*verb)  # all that they import, perhaps from where the ordinary user can't read it
        site.file("uploads/old")
        with ordinary_user():
            yield site


@needs_root
def test_plan_stats_and_why_need_no_write_access(foreign: Site) -> None:
    assert foreign.call("plan", "--json").json["files"] == 1
    assert foreign.call("stats", "--json").json["total_files"] == 1
    result = foreign.call("why", "storage/uploads/old")
    assert (result.code, "expired: expired" in result.out) == (0, True)
    assert "cannot be told" in result.out


@needs_root
@pytest.mark.parametrize("verb", ["history", "cleanup"])
def test_what_needs_the_records_says_in_a_sentence_why_it_cannot(foreign: Site, verb: str) -> None:
    result = foreign.call(verb)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("shelflife: ")
    assert "Permission denied" in result.err
    assert len(result.err.splitlines()) == 1


@needs_root
def test_check_says_what_the_one_who_asks_may_not_do(foreign: Site) -> None:
    levels = {finding["check"]: finding["level"] for finding in foreign.call("check", "--json").json}
    assert levels["area uploads"] == levels["state directory"] == "error"
    assert "journal" not in levels
