from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from shelflife.files.primitives import in_python
from shelflife.files.reading import Flag
from shelflife.files.worker_pool import WorkerPool


def _giving(count: int) -> Callable[[], int | None]:
    """Return what gives the numbers up to `count`, one at a time."""
    pieces = iter(range(count))
    return lambda: next(pieces, None)


def _nobody() -> None:
    """Nobody ends it."""


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_work(workers: int) -> None:
    with WorkerPool(workers) as pool:
        assert list(pool.run(lambda piece, _: piece * 2, _giving(50), between=_nobody)) == [
            piece * 2 for piece in range(50)
        ]


@pytest.mark.parametrize("workers", [1, 3])
def test_more_may_be_given_after_a_result_was_taken(workers: int) -> None:
    waiting = [3]
    with WorkerPool(workers) as pool:
        found = []
        for result in pool.run(
            lambda piece, _: piece, lambda: waiting.pop(0) if waiting else None, between=_nobody
        ):
            found.append(result)
            if result:
                waiting.append(result - 1)
    assert found == [3, 2, 1, 0]


def test_only_so_much_is_begun_ahead() -> None:
    given = 0

    def take() -> int | None:
        nonlocal given
        given += 1
        return given if given <= 100 else None

    with WorkerPool(2) as pool:
        results = pool.run(lambda piece, _: piece, take, between=_nobody)
        next(results)
        assert given == 4
        results.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_work_is_raised_after_the_results_before_it(workers: int) -> None:
    def work(piece: int, _stop: Flag) -> int:
        if piece == 3:
            raise RuntimeError("three")
        return piece

    found: list[int] = []
    with WorkerPool(workers) as pool, pytest.raises(RuntimeError, match="three"):
        found.extend(pool.run(work, _giving(50), between=_nobody))
    assert found[:3] == [0, 1, 2]
    assert 3 not in found


def test_whoever_is_asked_between_may_end_it_and_what_was_begun_comes_first() -> None:
    asked = 0
    found: list[int] = []

    def between() -> None:
        nonlocal asked
        asked += 1
        if asked > 3:
            raise RuntimeError("enough")

    with WorkerPool(2) as pool, pytest.raises(RuntimeError, match="enough"):
        found.extend(pool.run(lambda piece, _: piece, _giving(50), between=between))
    assert found == list(range(len(found)))
    assert len(found) < 50


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_ends_it_without_an_error(workers: int) -> None:
    stop, found = Flag(), []
    with WorkerPool(workers) as pool:
        for result in pool.run(lambda piece, _: piece, _giving(50), between=_nobody, stop=stop):
            found.append(result)
            stop.set()
    assert found == list(range(len(found)))
    assert len(found) <= 4


def test_with_one_worker_it_is_done_by_whoever_asks() -> None:
    with WorkerPool() as pool:
        (thread,) = pool.run(lambda *_: threading.current_thread(), _giving(1), between=_nobody)
    assert thread is threading.current_thread()


def test_threads_end_with_the_pool() -> None:
    with WorkerPool(2) as pool:
        threads = set(pool.run(lambda *_: threading.current_thread(), _giving(20), between=_nobody))
    assert threading.current_thread() not in threads
    assert not any(thread.is_alive() for thread in threads)


def test_primitives_in_python_are_called_by_whoever_asks() -> None:
    with WorkerPool(2) as pool:
        assert pool.suited_to(in_python()).workers == 1
