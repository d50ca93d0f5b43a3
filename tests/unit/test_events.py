from __future__ import annotations

import logging

import pytest

from shelflife.events import Event, RunBegun, guarded, ignore


def test_every_listener_is_told_everything_although_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, Event]] = []

    def fail(event: Event) -> None:
        told.append(("fails", event))
        raise RuntimeError("as a listener may")

    tell = guarded([fail, lambda event: told.append(("works", event)), ignore])
    events = [RunBegun(run=number) for number in (1, 2)]
    with caplog.at_level(logging.ERROR):
        for event in events:
            tell(event)
    assert told == [(who, event) for event in events for who in ("fails", "works")]
    assert [record.getMessage() for record in caplog.records] == [
        "a listener failed; the run goes on without it being told"  # once, not for each event
    ]


def test_what_a_listener_does_may_tell_something_itself() -> None:
    told: list[int] = []

    def again(event: Event) -> None:
        assert isinstance(event, RunBegun)
        told.append(event.run)
        if event.run < 3:
            tell(RunBegun(run=event.run + 1))

    tell = guarded([again])
    tell(RunBegun(run=1))
    assert told == [1, 2, 3]
