"""The OpenAPI document is true: what it allows is answered as it says, and nothing ends in an error of ours.

Clients are generated from the document: an undocumented status or member would be a surprise to all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from shelflife.settings import DEFAULT_RETENTION, Settings
from shelflife.testing import Storage
from shelflife.web import create_app
from shelflife.web.service_token import VARIABLE

load_all_checks()

TOKEN = "a token for tests only"

PATHS = create_app(Settings.build(base_path="/nowhere", areas={"inbox": "1d"})).openapi()["paths"]

OPERATIONS = [
    (method.upper(), path)
    for path, item in PATHS.items()
    for method in item
    if path != "/storage/events"  # it never ends: tests/acceptance/test_http.py
]

TAKING = [
    (method, path)
    for method, path in OPERATIONS
    for operation in [PATHS[path][method.lower()]]
    # headers, and all that is referred to is one, may be any text
    if "requestBody" in operation
    or any(one.get("in", "header") != "header" for one in operation.get("parameters", ()))
]
"""Operations that take something, and so can be given what they do not take."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """A storage with something of everything in it."""
    base: Path = tmp_path_factory.mktemp("served")
    areas = dict(DEFAULT_RETENTION) | {"frames": {"retention": "30d", "expire": "directory"}}
    storage = Storage(settings=Settings.build(base_path=base, areas=areas, cleanup={"enabled": False}))
    storage.engine.create()
    storage.file("temp/gone", age="2d")
    storage.file("frames/42/1.jpg", age="40d")
    storage.engine.cleanup()
    storage.file("temp/due", age="2d")
    storage.file("uploads/young", age="1d")
    storage.engine.refresh()
    return storage


@pytest.fixture(scope="module")
def api(served: Storage) -> Iterator[BaseSchema]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, TOKEN)
        schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(served.settings))
        # what is refused for its size was not looked at further
        schema.config.checks.negative_data_rejection.expected_statuses.append("413")
        yield schema


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_is_allowed_is_answered_as_documented(api: BaseSchema, method: str, path: str) -> None:
    # Not that all of it succeeds: the document cannot say which areas a storage has, or which plans wait.
    ask(api[path][method], GenerationMode.POSITIVE, examples=15)


@pytest.mark.parametrize(("method", "path"), TAKING)
def test_what_is_not_allowed_is_refused_as_documented(api: BaseSchema, method: str, path: str) -> None:
    ask(api[path][method], GenerationMode.NEGATIVE, examples=15)


def ask(operation: Any, mode: GenerationMode, *, examples: int) -> None:
    """Send requests to an operation, and hold the answers against the document."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        # ignored_auth does not know that who fails often enough is answered 429; tests of access do
        case.call_and_validate(
            headers={"Authorization": f"Bearer {TOKEN}"},
            excluded_checks=[positive_data_acceptance, ignored_auth],
        )

    send()
