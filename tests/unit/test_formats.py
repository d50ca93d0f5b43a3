import pytest

from shelflife.formats import (
    counted,
    format_age,
    format_bytes,
    format_retention,
    human_size,
    iso,
    moment,
    printable,
    visible,
)
from shelflife.settings import parse_size

SECOND = 10**9


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.00 B"),
        (500, "500.00 B"),
        (1023, "1023.00 B"),
        (1024, "1.00 KB"),
        (2048, "2.00 KB"),
        (1024**2 - 1, "1.00 MB"),
        (1024**3, "1.00 GB"),
        (1024**4, "1.00 TB"),
        (1024**5, "1.00 PB"),
        (5000 * 1024**5, "5000.00 PB"),
    ],
)
def test_sizes_go_in_steps_of_1024_up_to_petabytes(size: int, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.00 kB"),
        (2_048, "2.05 kB"),
        (999_999, "1.00 MB"),
        (3 * 10**6, "3.00 MB"),
        (200 * 10**9, "200.00 GB"),
        (2**40, "1.10 TB"),
        (5 * 10**18, "5,000.00 PB"),
    ],
)
def test_people_are_shown_sizes_as_they_write_them(size: int, text: str) -> None:
    assert human_size(size) == text
    if size % 10**6 == 0 and size < 10**15:
        assert parse_size(text.replace(".00 ", "")) == size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "Indefinite"),
        (0, "0 seconds"),
        (59, "59 seconds"),
        (60, "1 minutes"),
        (3600, "1 hours"),
        (86_400, "1 days"),
        (604_800, "7 days"),
    ],
)
def test_a_retention_is_told_in_its_largest_whole_unit(seconds: int, text: str) -> None:
    assert format_retention(seconds) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (-SECOND, "0 seconds"),
        (SECOND, "1 second"),
        (119 * SECOND, "1 minute"),
        (2 * 86_400 * SECOND, "2 days"),
    ],
)
def test_an_age_is_never_negative_and_knows_the_singular(ns: int, text: str) -> None:
    assert format_age(ns) == text


def test_times_are_utc_with_offset() -> None:
    assert iso(0) == "1970-01-01T00:00:00+00:00"
    assert iso(1_500_000_000) == "1970-01-01T00:00:01.500000+00:00"
    assert moment(1_500_000_000) == "1970-01-01 00:00:01 UTC"


def test_times_before_the_epoch_and_at_the_ends_of_64_bits_have_a_text() -> None:
    assert iso(-SECOND) == "1969-12-31T23:59:59+00:00"
    assert iso(-(2**63)).startswith("1677-")
    assert iso(2**63 - 1).startswith("2262-")


def test_nothing_in_a_visible_path_moves_a_cursor() -> None:
    assert visible("a\nb\x1b[31m\u202e\udcff") == r"a\nb\x1b[31m\u202e\xff"


def test_a_byte_that_is_not_utf8_becomes_an_escape() -> None:
    assert printable("uploads/caf\udce9.mp4") == r"uploads/caf\xe9.mp4"


def test_what_is_counted_knows_its_singular() -> None:
    assert [counted(n, "area", "areas") for n in (0, 1, 1234)] == ["0 areas", "1 area", "1,234 areas"]
