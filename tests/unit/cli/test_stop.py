from __future__ import annotations

import signal
import threading
from contextlib import suppress

import pytest

from shelflife.cli.stop import Stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_the_run_to_end_and_a_second_one_ends_it_at_once(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Stop() as stop:
        assert (stop.event.is_set(), stop.signal) == (False, None)
        signal.raise_signal(number)
        assert (stop.event.is_set(), stop.signal) == (True, number)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_what_signals_did_before_they_do_again_also_after_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with suppress(RuntimeError), Stop():
        assert signal.getsignal(signal.SIGTERM) is not before
        raise RuntimeError("whatever ends the run")
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_a_thread_of_a_program_signals_are_left_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def act() -> None:
        with Stop() as stop:
            seen.append((signal.getsignal(signal.SIGTERM), stop.signal))

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    assert seen == [(before, None)]
