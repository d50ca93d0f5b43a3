"""A pool: threads that read and remove, directory by directory.

Compiled primitives let go of the GIL, so two threads do twice as much on two cores – and on a slow disk one waits
while the other works. Everything that must be in order stays in the thread that asked: it takes the results one
by one, in the order of the work, and alone writes the index, tells listeners and decides what comes next. Only so
much work is begun ahead that memory stays bounded. Whatever ends it – a stop, an error – the threads are told
(`Flag`), and waited for.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, wait
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Self, TypeVar

from shelflife.files.reading import Flag

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType

    from shelflife.files.primitives import Primitives

_AHEAD: Final = 2
"""Pieces of work that are begun for each thread."""

_PATIENCE: Final = 0.1
"""Seconds between two looks at whether to end."""

Work = TypeVar("Work")
Found = TypeVar("Found")


class WorkerPool:
    """Threads, as a context; begun when there is work. With one worker all is done by whoever asks."""

    def __init__(self, workers: int = 1) -> None:
        """Prepare `workers` threads."""
        self.workers = workers
        self._threads: _Threads | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.end()

    def suited_to(self, primitives: Primitives) -> WorkerPool:
        """Return this pool, or nobody besides whoever asks, for primitives in Python.

        Two threads would take the GIL from each other at every system call, and be a quarter slower than one.
        """
        return self if primitives.is_compiled else WorkerPool()

    def run(
        self,
        work: Callable[[Work, Flag], Found],
        take: Callable[[], Work | None],
        *,
        between: Callable[[], None],
        stop: Flag | None = None,
    ) -> Generator[Found]:
        """Yield what `work` returns for each piece that `take` gives, in order, until there is none.

        `take` may give more after a result was taken than before. `between` is called in this thread, often,
        and may raise to end it all. That, an error of the work, or setting `stop`, ends it with the pieces
        that were begun: their results come first, and then the error is raised.
        """
        stop = Flag() if stop is None else stop  # one that is not set is false
        if self.workers < 2:
            yield from _alone(work, take, between, stop)
            return
        begun: deque[Future[Found]] = deque()
        ended: list[BaseException] = []
        try:
            while True:
                self._begin_more(begun, work, take, stop)
                if not begun:
                    break
                try:
                    result = _wait(begun[0], _never if stop else between)
                except Exception as error:  # noqa: BLE001 - raised below, once what was begun is done
                    ended.append(error)
                    stop.set()
                    if begun[0].done() and begun[0].exception() is error:
                        begun.popleft()
                    continue
                begun.popleft()
                yield result
        finally:
            stop.set()
            wait(begun)
        if ended:
            raise ended[0]

    def _begin_more(
        self,
        begun: deque[Future[Found]],
        work: Callable[[Work, Flag], Found],
        take: Callable[[], Work | None],
        stop: Flag,
    ) -> None:
        """Begin as many pieces as there may be at a time."""
        while not stop and len(begun) < _AHEAD * self.workers and (piece := take()) is not None:
            begun.append(self._begin(partial(work, piece, stop)))

    def _begin(self, work: Callable[[], Found]) -> Future[Found]:
        if self._threads is None:
            self._threads = _Threads(self.workers)
        return self._threads.begin(work)


class _Threads:
    """Threads that do what they are given, in its order.

    They are daemons: an interpreter that ends does not wait for them, as it would for those of a
    ThreadPoolExecutor, before it lets anybody stop the run that they work for.
    """

    def __init__(self, count: int) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"shelflife-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def begin(self, work: Callable[[], Found]) -> Future[Found]:
        """Have something done; return what will hold its result, or its error."""
        future: Future[Found] = Future()

        def do() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
                future.set_exception(error)

        self._work.put(do)
        return future

    def end(self) -> None:
        """Wait until all that was begun is done, and end the threads."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while (do := self._work.get()) is not None:
            do()


def _alone(
    work: Callable[[Work, Flag], Found],
    take: Callable[[], Work | None],
    between: Callable[[], None],
    stop: Flag,
) -> Iterator[Found]:
    while not stop and (piece := take()) is not None:
        between()
        yield work(piece, stop)


def _wait(future: Future[Found], between: Callable[[], None]) -> Found:
    between()
    while not future.done():
        wait([future], timeout=_PATIENCE)
        between()
    return future.result()


def _never() -> None:
    """Nobody is asked any more whether to end."""
