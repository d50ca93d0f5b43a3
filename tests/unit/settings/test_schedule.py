from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shelflife.settings.schedule import check_cron, check_zone, find_zone


@pytest.mark.parametrize(
    "text",
    ["0 2 * * *", "*/5 * * * *", "0 0 29 2 *", "30 3 * * 7", "0 0 * * mon-fri", "0 0 L * *", "0 0 31 2 1"],
)
def test_a_cron_string_with_five_fields_is_taken(text: str) -> None:
    assert check_cron(text) == text


def test_spaces_around_the_fields_do_not_matter() -> None:
    assert check_cron("  0  2 *\t* * ") == "0 2 * * *"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("61 * * * *", "not a cron schedule, bad minute"),
        ("0 24 * * *", "not a cron schedule, bad hour"),
        ("0 0 0 * *", "not a cron schedule, bad day-of-month"),
        ("0 0 * 13 *", "not a cron schedule, bad month"),
        ("0 0 31 13 *", "not a cron schedule, bad month"),
        ("0 0 * * 8", "not a cron schedule, bad day-of-week"),
        ("0 0 31 2 *", "never runs: no such day in that month"),
        ("0 0 31 4,6 *", "never runs: no such day in that month"),
        ("0 2 * *", "it has 4 fields"),
        ("0 0 2 * * *", "it has 6 fields"),
        ("@daily", "it has 1 field;"),
        ("", "it has 0 fields"),
    ],
)
def test_a_bad_cron_string_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="allowed: five fields, minute hour day-of-month") as caught:
        check_cron(text)
    assert reason in str(caught.value)


def test_utc_needs_no_data_base_of_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.ZoneInfo", None)
    assert find_zone("UTC") is UTC


def test_a_time_zone_is_found_by_its_name() -> None:
    assert check_zone("Europe/Berlin") == "Europe/Berlin"
    assert find_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert find_zone("Europe/Berlin").utcoffset(datetime(2026, 7, 1)) == timedelta(hours=2)  # noqa: DTZ001


@pytest.mark.parametrize(
    "name", ["", "Europe", "Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe/Berlni"]
)
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a time zone; allowed: names such as UTC"):
        check_zone(name)


def test_a_misspelt_time_zone_comes_with_a_guess() -> None:
    with pytest.raises(ValueError, match=r'\(did you mean "Europe/Berlin"\?\)'):
        check_zone("Europe/Berlni")
