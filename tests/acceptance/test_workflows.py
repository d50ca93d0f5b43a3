"""Requests that follow from each other, by everybody who may send some: whatever order they come in.

A client goes from answer to answer as the OpenAPI document leads it – the run that a cleanup began, the hold that
was just added – as the owner of each single scope, and as nobody, from another machine. Afterwards the disk is
compared with what was there before.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.transport import Response
from starlette.types import ASGIApp

from shelflife.scopes import Scope
from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app
from shelflife.web.scopes import SCOPES
from shelflife.web.service_token import VARIABLE
from tests.integration.web.conftest import seen_from

TOKEN = "a token for tests only"
SIGN = "a-name-that-only-paths-have"
"""In every path of a file, and nowhere else."""

CHANGING = {Scope.CLEANUP, Scope.RESTORE, Scope.ADMIN}
"""Scopes whose owners may move or remove files."""

STAY = [f"{area}/stays/{number}-{SIGN}" for area in ("temp", "uploads", "outputs") for number in range(5)]
"""What no cleanup may take, whoever asks for it: young, kept for ever, protected, or held."""


@pytest.fixture
def storage(make_storage: MakeStorage) -> Storage:
    """A storage with something of everything in it."""
    areas = {
        "temp": {"retention": "1d", "trash": "3d", "protect": ["*.keep"]},
        "uploads": {"retention": "7d"},
        "outputs": -1,
    }
    storage = make_storage(areas, cleanup={"enabled": False}, index={"settle": 0})
    for number in range(30):
        storage.file(f"temp/{number % 3}-{SIGN}/trashed{number}", age="5d")
    storage.engine.cleanup()
    for number in range(30):
        storage.file(f"temp/{number % 3}-{SIGN}/due{number}", age="2d")
        storage.file(f"uploads/{number % 3}-{SIGN}/due{number}", age="8d")
    storage.file(f"temp/{SIGN}.keep", age="9d")
    storage.file(f"temp/held-{SIGN}", age="9d")
    storage.engine.hold(f"temp/held-{SIGN}")
    for path in STAY:
        storage.file(path, age="400d" if path.startswith("outputs") else "1h")
    storage.engine.refresh()
    return storage


def shown_by(storage: Storage, scope: Scope | None) -> dict[str, str]:
    """Return the header that shows a token of one scope, and of what everybody may read; None: of nobody."""
    if scope is None:
        return {}
    if scope is Scope.ADMIN:  # one that it cannot revoke itself
        return {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(create_app(storage.settings)) as client:
        made = client.post(
            "/storage/tokens",
            json={"name": "one", "scopes": sorted({scope, Scope.READ})},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
    return {"Authorization": f"Bearer {made.json()['token']}"}


def there(storage: Storage) -> set[str]:
    """Return all files of the areas and their trash."""
    found = (path.relative_to(storage.base_path) for path in storage.base_path.rglob("*") if path.is_file())
    return {str(path) for path in found if path.parts[0] != ".shelflife"}


def from_many(app: ASGIApp) -> ASGIApp:
    """Return an application as found by callers who come from somewhere else each time.

    Else the first refusals would have all others answered 429.
    """
    numbers = itertools.count()

    async def there(connection: dict[str, Any], receive: Any, send: Any) -> None:
        number = next(numbers)
        await seen_from(f"203.0.{number // 256 % 256}.{number % 256}", app)(connection, receive, send)

    return there  # type: ignore[return-value]


def opens(scope: Scope | None, context: Any) -> bool:
    """Return whether a scope opens an operation."""
    method, path = context.operation.method.upper(), context.operation.path
    needed = SCOPES.get((method, path.removeprefix("/storage")), Scope.READ)
    return scope is Scope.ADMIN or needed in (None, Scope.READ, scope)


def workflow(schema: Any, header: dict[str, str], check: Callable[[Response, Any], None]) -> Any:
    """Return what goes from answer to answer, showing a header and checking each."""

    class Workflow(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": header}

        def validate_response(self, response: Response, case: Any, **_: Any) -> None:
            check(response, case)

    return Workflow


@pytest.mark.parametrize(
    ("scope", "seconds"),
    [
        (None, 1),
        (Scope.CLEANUP, 1),
        *(
            pytest.param(scope, 67, marks=[pytest.mark.slow, pytest.mark.timeout(900)])
            for scope in (None, *Scope)
        ),
    ],
)
def test_nobody_sees_or_does_what_is_not_theirs_in_whatever_order_they_ask(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, scope: Scope | None, seconds: int
) -> None:
    monkeypatch.setenv(VARIABLE, TOKEN)
    header = shown_by(storage, scope)
    before, holds = there(storage), {hold.id for hold in storage.engine.holds()}
    served = schemathesis.openapi.from_asgi("/openapi.json", from_many(create_app(storage.settings)))
    everything = served.exclude(path="/storage/events")  # it never ends
    theirs = everything.include(lambda context: opens(scope, context))
    answers: Counter[str] = Counter()

    wrong: list[object] = []

    def check(response: Response, case: Any) -> None:
        # nothing is raised: what came of a request depends on those before, so that none can be tried again alone
        answer = f"{response.status_code} {case.method} {case.operation.path}"
        answers[answer] += 1
        body = response.content.decode("utf-8", "replace")
        if response.status_code >= 500 or (SIGN in body and scope not in (Scope.READ_PATHS, Scope.ADMIN)):
            wrong.append((answer, case.path_parameters, case.query, case.body, body[:500]))

    asking = [workflow(schema, header, check) for schema in (theirs, everything)]
    until = time.monotonic() + seconds
    for turn in itertools.count():
        asking[turn % 2].run(
            settings=settings(
                max_examples=5,
                stateful_step_count=10,
                phases=[Phase.generate],
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
        )
        if turn and time.monotonic() > until:
            break
    logging.getLogger(__name__).info("%s", sorted(answers.items()))  # shown when it fails
    assert wrong == []
    after = there(storage)
    if scope not in CHANGING:
        assert after == before
    if scope not in (Scope.ADMIN, Scope.HOLD):
        assert {hold.id for hold in storage.engine.holds()} >= holds
        assert f"temp/held-{SIGN}" in after
    assert {*STAY, f"temp/{SIGN}.keep"} <= after
