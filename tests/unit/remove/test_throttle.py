from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shelflife.remove.throttle import Throttle


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_limit_nothing_waits() -> None:
    throttle = Throttle(None)
    throttle.spend(1_000_000)
    assert (throttle.delay(), throttle.batch_size(100)) == (0, 100)


@given(
    per_second=st.integers(1, 5000),
    batches=st.lists(
        st.tuples(st.floats(0, 5), st.integers(0, 100), st.integers(1, 4)), min_size=1, max_size=60
    ),
)
def test_at_no_time_more_has_gone_than_the_rate_allows_and_a_batch_for_each_thread(
    per_second: int, batches: list[tuple[float, int, int]]
) -> None:
    clock = _Clock()
    throttle = Throttle(per_second, clock=clock)
    begun, gone = clock.now, 0
    for idle, wanted, threads in batches:
        clock.now += idle
        clock.now += throttle.delay()
        assert throttle.delay() < 1e-6
        size = min(wanted, throttle.batch_size(100))
        for _ in range(threads):  # threads that look at the same time all go, and all pay
            throttle.spend(size)
        gone += size * threads
        assert gone <= (clock.now - begun) * per_second + 4 * throttle.batch_size(100) + 1e-3


def test_time_that_was_not_used_is_not_saved_up() -> None:
    clock = _Clock()
    throttle = Throttle(100, clock=clock)
    clock.now += 3600
    throttle.spend(10)
    assert round(throttle.delay(), 6) == 0.1


def test_a_slow_throttle_makes_small_batches() -> None:
    assert [Throttle(rate).batch_size(100) for rate in (1, 10, 50, 1000, 5000)] == [1, 1, 5, 100, 100]
