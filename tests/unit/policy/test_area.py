from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.clock import SECOND
from shelflife.policy.area import areas_of, path_below, place_of
from shelflife.settings import Settings
from tests.unit.policy.areas import an_area


def test_areas_follow_the_settings_in_their_order() -> None:
    settings = Settings.build(
        base_path="/srv/t", areas={"temp": "24h", "contact_sheets": "30d", "outputs": -1}
    )
    areas = areas_of(settings)
    assert list(areas) == ["temp", "contact_sheets", "outputs"]
    assert areas["temp"].retention == 86_400 * SECOND
    assert areas["contact_sheets"].directories == ("contact-sheets", "contact_sheets")
    assert areas["outputs"].retention is None


@pytest.mark.parametrize(
    ("directory", "path", "place"),
    [
        ("frames", "", "frames/"),
        ("frames", "a/1.jpg", "frames/a/1.jpg"),
        ("media/frames", "a/", "media/frames/a/"),
        (".", "", ""),
        (".", "a/1.jpg", "a/1.jpg"),
        (".", "a/", "a/"),
    ],
)
def test_a_path_below_an_area_and_its_place_in_the_storage_lead_to_each_other(
    directory: str, path: str, place: str
) -> None:
    assert place_of(directory, path) == place
    assert path_below(directory, place) == path


def test_an_area_finds_its_own_places_only() -> None:
    settings = Settings.build(base_path="/srv/t", areas={"a": {"retention": "1d", "aliases": ["old/a"]}})
    area = areas_of(settings)["a"]
    places = ["a/1", "old/a/b/1", "a", "ab/1", "old/1"]
    assert [area.find(place) for place in places] == [("a", "1"), ("old/a", "b/1"), None, None, None]


@pytest.mark.parametrize(
    ("values", "same"),
    [
        ({}, True),
        ({"retention": "1d"}, True),
        ({"expire": "directory", "ignore": []}, False),
        ({"expire": "stem"}, False),
        ({"ignore": ["*.tmp"]}, True),  # each file goes by itself: noise is a file like any other
        ({"keep_newest": {"count": 3, "per": "directory"}, "prune": False}, True),
        ({"rules": [{"match": "*.log", "retention": "1d"}]}, False),
        ({"protect": ["*.keep"]}, False),
        ({"age_from": "changed"}, False),
    ],
)
def test_rules_change_with_what_a_row_depends_on_and_with_nothing_else(
    values: dict[str, object], same: bool
) -> None:
    assert (an_area().rules.fingerprint == an_area(**values).rules.fingerprint) is same


def test_a_rule_s_retention_is_nothing_that_a_row_depends_on() -> None:
    one, other = (an_area(rules=[{"match": "*.log", "retention": days}]).rules for days in ("1d", "2d"))
    assert one.fingerprint == other.fingerprint


def test_the_order_of_patterns_is_part_of_the_rules() -> None:
    assert (
        an_area(protect=["*.a", "!b.a"]).rules.fingerprint
        != an_area(protect=["!b.a", "*.a"]).rules.fingerprint
    )


@given(st.lists(st.text("abc*/!", min_size=1, max_size=4), max_size=3, unique=True))
def test_rules_fit_into_a_signed_integer_of_64_bits(patterns: list[str]) -> None:
    try:
        area = an_area(protect=patterns)
    except ValueError:  # refused by the settings
        return
    assert 0 <= area.rules.fingerprint < 2**63
