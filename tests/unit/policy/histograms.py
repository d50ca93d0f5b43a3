"""Files as numbers, and their histograms as the index and the disk give them."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.policy.load import NOTHING, Histogram, Load

NOW = 1_900_000_000 * 10**9


class File(NamedTuple):
    time: int
    size: int

    @property
    def load(self) -> Load:
        return Load(1, self.size, self.size)


FILES = st.lists(
    st.builds(
        File,
        st.integers(NOW - 50 * HOUR, NOW) | st.sampled_from([NOW - HOUR, NOW - 5 * HOUR]),
        st.integers(0, 9),
    ),
    max_size=40,
)


class Disk:
    """Measures a list of files as a listing of the disk would."""

    def __init__(self, files: list[File]) -> None:
        self.files = files

    def measure(self, start: int, end: int, width: int) -> Histogram:
        histogram: Histogram = {}
        for file in self.files:
            if start <= file.time < end:
                bucket = file.time // width
                histogram[bucket] = histogram.get(bucket, NOTHING).plus(file.load)
        return histogram

    def hours(self) -> Histogram:
        return self.measure(-(2**63), 2**63, HOUR)

    def load(self, *, before: int = 2**63) -> Load:
        found = NOTHING
        for file in self.files:
            if file.time < before:
                found = found.plus(file.load)
        return found
