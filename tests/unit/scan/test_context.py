from __future__ import annotations

import threading

import pytest

from shelflife.scan.context import Stopped, StopWatch, Unwatched


def test_an_operation_goes_on_until_it_is_asked_to_stop() -> None:
    stop = threading.Event()
    watch = StopWatch(stop)
    watch.look()
    stop.set()
    with pytest.raises(Stopped):
        watch.look()


def test_what_nobody_ends_goes_on() -> None:
    StopWatch(None).look()
    Unwatched().look()
