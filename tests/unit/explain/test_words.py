from __future__ import annotations

import pytest

from shelflife.clock import DAY
from shelflife.explain.words import bounds_of, hold_in_words, keeps, kept_for, retention_rule
from shelflife.policy.holds import Hold
from tests.unit.policy.areas import an_area


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "keeps files for 7 days after they were last modified"),
        ({"age_from": "changed"}, "keeps files for 7 days after they were last modified or changed"),
        ({"age_from": "arrived"}, "keeps files for 7 days after they were last modified, or arrived"),
        ({"age_from": "accessed"}, "keeps files for 7 days after they were last modified or read"),
        ({"retention": -1}, "keeps its files indefinitely"),
    ],
)
def test_an_area_says_how_long_it_keeps_files_and_since_when(values: dict[str, object], words: str) -> None:
    assert keeps(an_area(**values)) == words


def test_a_class_says_which_files_it_is_about() -> None:
    area = an_area(protect=["*.keep"], rules=[{"match": ["*.log", "*.tmp"], "retention": "1d"}])
    own, protected, logs = area.rules.classes
    assert keeps(area, protected) == "keeps files that match protect indefinitely"
    assert keeps(area, logs) == "keeps files that match *.log, *.tmp for 1 day after they were last modified"
    assert retention_rule(area) == retention_rule(area, own) == "retention of frames: 7 days"
    assert retention_rule(area, protected) == "rule of frames, protect: indefinitely"
    assert retention_rule(area, logs) == "rule of frames, *.log, *.tmp: 1 day"
    assert (kept_for(protected), kept_for(logs)) == (float("inf"), DAY)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ""),
        ({"quota": "5GB"}, "5.00 GB"),
        ({"max_files": 1}, "1 file"),
        ({"quota": "5GB", "max_files": 1_000}, "5.00 GB or 1,000 files"),
    ],
)
def test_bounds_are_told_as_they_are_configured(values: dict[str, object], words: str) -> None:
    assert bounds_of(an_area(**values)) == words


@pytest.mark.parametrize(
    ("path", "until", "reason", "words"),
    [
        ("frames/a", None, "", "It is held, since 1970-01-02 00:00:00 UTC, until somebody ends the hold."),
        (
            "frames",
            2 * DAY,
            "why",
            "It is held because of frames, since 1970-01-02 00:00:00 UTC, until 1970-01-03 00:00:00 UTC: why.",
        ),
    ],
)
def test_a_hold_is_told_with_what_it_is_on_and_its_end(
    path: str, until: int | None, reason: str, words: str
) -> None:
    hold = Hold(
        id=1, path=path, tree=True, area="frames", inode=1, born=1, created=DAY, until=until, reason=reason
    )
    assert hold_in_words("It", hold, "frames/a") == words
