from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from shelflife.web.requests import REQUEST_ID, Answered, Ids, RequestWatch, current_ids, request_id_of

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class _Notes:
    """A watcher that writes down what it is told."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended: list[Answered] = []

    def begin(self) -> None:
        self.begun += 1

    def end(self, request: Answered) -> None:
        self.ended.append(request)


async def _receive() -> Any:
    return {"type": "http.request", "body": b""}


async def _send(_message: Any) -> None:
    """Nobody reads the answer."""


async def _watched(
    app: ASGIApp, *, method: str = "GET", headers: dict[str, str] | None = None, kind: str = "http"
) -> _Notes:
    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    notes = _Notes()
    await RequestWatch(app, [notes])({"type": kind, "method": method, "headers": raw}, _receive, _send)
    return notes


def _answering(status: int, seen: Callable[[Ids], None] = lambda _: None) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen(current_ids())
        await PlainTextResponse("", status)(scope, receive, send)

    return app


@pytest.mark.parametrize(
    ("given", "taken"),
    [("abc-1", True), ("x" * 100, True), ("x" * 101, False), ("", False), ("a\tb", False), ("\xe4", False)],
)
def test_a_request_is_called_what_its_caller_says_if_that_fits_into_a_log(given: str, *, taken: bool) -> None:
    found = request_id_of(Headers(raw=[(REQUEST_ID.lower().encode(), given.encode("latin-1"))]))
    assert (found == given) is taken
    assert found.isascii()
    assert found


@pytest.mark.parametrize(
    ("parent", "trace"),
    [
        (f"00-{_TRACE}-00f067aa0ba902b7-01", _TRACE),
        (f"00-{_TRACE}-00f067aa0ba902b7-01-more", _TRACE),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        (f"00-{_TRACE.upper()}-00f067aa0ba902b7-01", ""),
        ("nonsense", ""),
    ],
)
async def test_all_that_is_done_because_of_a_request_knows_its_ids(parent: str, trace: str) -> None:
    seen: list[Ids] = []
    notes = await _watched(_answering(200, seen.append), headers={REQUEST_ID: "abc", "traceparent": parent})
    assert seen == [Ids("abc", trace)] == [request.ids for request in notes.ended]
    assert current_ids() == Ids()


@pytest.mark.parametrize("status", [200, 404, 503])
async def test_how_a_request_ended_is_told_once(status: int) -> None:
    notes = await _watched(_answering(status))
    (ended,) = notes.ended
    assert (notes.begun, ended.status, ended.method, ended.route, ended.caller) == (
        1,
        status,
        "GET",
        "unmatched",
        "",
    )
    assert 0 <= ended.began <= ended.took


async def test_what_is_no_method_of_http_is_counted_as_one_other() -> None:
    notes = await _watched(_answering(405), method="BREW")
    assert [request.method for request in notes.ended] == ["OTHER"]


async def test_a_caller_that_is_gone_before_the_answer_is_told_as_such() -> None:
    async def gone(_scope: Scope, _receive: Receive, _send: Send) -> None:
        """Answer nothing."""

    assert [request.status for request in (await _watched(gone)).ended] == [499]


async def test_a_mistake_of_ours_is_told_and_raised() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("a mistake")

    notes = _Notes()
    with pytest.raises(RuntimeError, match="a mistake"):
        await RequestWatch(broken, [notes])({"type": "http", "method": "GET", "headers": []}, _receive, _send)
    assert [request.status for request in notes.ended] == [500]
    assert current_ids() == Ids()


async def test_what_is_no_request_passes_unseen() -> None:
    notes = await _watched(_answering(200), kind="lifespan")
    assert (notes.begun, notes.ended) == (0, [])
