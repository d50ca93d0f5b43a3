from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import pytest

from shelflife.events import Event, RunBegun
from shelflife.records.journal import KeyTaken
from shelflife.web.work import Work

pytestmark = pytest.mark.anyio

Listen = Callable[[Event], None]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_work_that_is_done_in_time_has_its_result_and_the_number_of_its_run() -> None:
    def act(listen: Listen, _stop: threading.Event) -> str:
        listen(RunBegun(run=7))
        return "done"

    job = Work().begin(act)
    await job.wait(30)
    assert job.result == "done"
    assert job.run == 7


async def test_work_that_takes_longer_goes_on_and_has_a_number_by_then() -> None:
    go_on, work = threading.Event(), Work()

    def act(listen: Listen, _stop: threading.Event) -> str:
        listen(RunBegun(run=7))
        assert go_on.wait(30)
        return "done"

    job = work.begin(act)
    await job.wait(0)
    assert (job.result, job.run) == (None, 7)
    go_on.set()
    await work.wait()
    assert job.result == "done"


async def test_what_goes_wrong_is_raised_for_whoever_asks_and_logged_when_nobody_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    go_on, work = threading.Event(), Work()

    def act(listen: Listen, _stop: threading.Event) -> str:
        listen(RunBegun(run=7))
        assert go_on.wait(30)
        raise RuntimeError("the disk is away")

    job = work.begin(act)
    await job.wait(0)
    with caplog.at_level(logging.ERROR):
        go_on.set()
        await work.wait()
        await asyncio.sleep(0)  # what is to be done when it is done
    with pytest.raises(RuntimeError, match="the disk is away"):
        _ = job.result
    assert [record.getMessage() for record in caplog.records] == [
        "a run that a request asked for failed: the disk is away"
    ]


async def test_a_request_whose_run_another_process_began_is_told_its_number() -> None:
    def act(_listen: Listen, _stop: threading.Event) -> str:
        raise KeyTaken(5)

    job = Work().begin(act)
    await job.wait(30)
    assert job.run == 5
    with pytest.raises(KeyTaken):
        _ = job.result


async def test_the_end_of_the_service_asks_all_work_to_end_and_none_that_begins_later() -> None:
    work = Work()

    def act(_listen: Listen, stop: threading.Event) -> bool:
        return stop.wait(30)

    jobs = [work.begin(act), work.begin(act)]
    work.stop()
    await work.wait()
    assert [job.result for job in jobs] == [True, True]
    later = work.begin(lambda _, stop: stop.is_set())
    await later.wait(30)
    assert later.result is False


async def test_without_work_there_is_nothing_to_wait_for() -> None:
    await Work().wait()
