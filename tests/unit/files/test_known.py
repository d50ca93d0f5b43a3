from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.files.hours import pack_hours
from shelflife.files.known import Gone, Known
from shelflife.files.survey import Key
from shelflife.policy.load import NOTHING, Histogram, Load

_FILES = st.lists(st.tuples(st.integers(0, 9 * HOUR), st.integers(0, 9)), max_size=12)
_Files = list[tuple[int, int]]


def _hours(files: _Files) -> bytes:
    histogram: Histogram = {}
    for time, size in files:
        histogram[time // HOUR] = histogram.get(time // HOUR, NOTHING).plus(Load(1, size, 2 * size))
    return pack_hours(histogram)


def _known(files: _Files) -> Known:
    times = [time for time, _ in files]
    total = sum(size for _, size in files)
    return Known(
        Key(inode=1, mtime=2, ctime=3).pack(),
        len(files),
        total,
        2 * total,
        min(times, default=0),
        0,
        max(times, default=0),
        _hours(files),
    )


@given(_FILES, st.integers(0, 10))
def test_how_many_files_are_of_earlier_hours_is_known(files: _Files, hour: int) -> None:
    assert _known(files).files_before(hour) == sum(time // HOUR < hour for time, _ in files)


@given(_FILES)
def test_it_is_told_as_if_it_had_been_listed_again(files: _Files) -> None:
    survey, known = _known(files).survey(), _known(files)
    assert (survey.files, survey.entries, survey.bytes, survey.allocated) == (
        len(files),
        len(files),
        known.bytes,
        known.allocated,
    )
    assert (survey.oldest, survey.first_due, survey.newest) == (known.oldest, known.oldest, known.newest)


@given(_FILES, st.integers(0, 10 * HOUR))
def test_what_stays_is_what_there_was_without_what_goes(files: _Files, cutoff: int) -> None:
    gone = [file for file in files if file[0] < cutoff]
    rest = [file for file in files if file[0] >= cutoff]
    size = sum(size for _, size in gone)
    survey = _known(files).without(Gone(len(gone), size, 2 * size, _hours(gone)), cutoff)
    assert (survey.files, survey.bytes) == (len(rest), sum(size for _, size in rest))
    if rest:
        # too early is harmless, too late is not: the oldest that stays is no earlier than it is said to be
        assert survey.oldest is not None
        oldest = min(time for time, _ in rest)
        assert min(cutoff, oldest) <= survey.oldest <= oldest
