from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shelflife.policy.cutoff import KEEP_ALL, Cause, Cutoff, Cutoffs
from shelflife.scan.listing_cache import ListingCache

_CUTOFFS = Cutoffs.only(Cutoff(at=5, cause=Cause.RETENTION))


@dataclass
class _Reading:
    """As much of a reading as the cache looks at."""

    weight: int = 40
    error: int = 0
    cutoffs: Cutoffs = _CUTOFFS
    folded: int = 0

    def fold(self) -> None:
        self.folded += 1


def _cache(most: int = 100) -> Any:
    return ListingCache(most)


def test_what_was_noted_is_seen_often_and_taken_once() -> None:
    cache, reading = _cache(), _Reading()
    cache.put(1, "a/", reading)
    assert cache.seen(1, "a/") is cache.seen(1, "a/") is reading
    assert (cache.seen(2, "a/"), cache.seen(1, "b/")) == (None, None)
    assert cache.take(1, "a/", _CUTOFFS) is reading
    assert cache.take(1, "a/", _CUTOFFS) is cache.seen(1, "a/") is None
    assert reading.folded == 1


def test_what_was_read_for_other_cutoffs_is_of_no_use() -> None:
    cache = _cache()
    cache.put(1, "a/", _Reading())
    assert cache.take(1, "a/", KEEP_ALL) is None
    assert cache.seen(1, "a/") is None


def test_a_directory_that_could_not_be_read_is_not_noted() -> None:
    cache = _cache()
    cache.put(1, "a/", _Reading(error=5))
    assert cache.seen(1, "a/") is None


def test_memory_is_bounded_and_what_was_taken_makes_room() -> None:
    cache = _cache(100)
    for path in ("a/", "b/", "c/"):
        cache.put(1, path, _Reading(weight=50))
    assert [cache.seen(1, path) is not None for path in ("a/", "b/", "c/")] == [True, True, False]
    cache.take(1, "a/", KEEP_ALL)  # also where it was of no use
    cache.put(1, "c/", _Reading(weight=50))
    cache.put(1, "d/", _Reading(weight=1))
    assert [cache.seen(1, path) is not None for path in ("b/", "c/", "d/")] == [True, True, False]


def test_a_directory_is_noted_once() -> None:
    cache, first = _cache(100), _Reading(weight=50)
    cache.put(1, "a/", first)
    cache.put(1, "a/", _Reading(weight=50))
    cache.put(1, "b/", _Reading(weight=50))
    assert cache.seen(1, "a/") is first
    assert cache.seen(1, "b/") is not None
