"""A storage that is served, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app
from shelflife.web.service_token import VARIABLE

TOKEN = "a token for tests only"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    """The API token."""
    monkeypatch.setenv(VARIABLE, TOKEN)
    return TOKEN


@pytest.fixture
def authorized(token: str) -> dict[str, str]:
    """The header that lets a request change something."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def storage(make_storage: MakeStorage) -> Storage:
    """A storage without a schedule: only what a test asks for happens."""
    return make_storage(cleanup={"enabled": False})


@pytest.fixture
def client(storage: Storage) -> Iterator[TestClient]:
    """A client of the application that serves `storage`; it runs."""
    with TestClient(create_app(storage.settings)) as client:
        yield client


def seen_from(address: str, app: ASGIApp) -> ASGIApp:
    """Return an application as a client at an address finds it; old test clients cannot say where they are."""

    async def there(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["client"] = (address, 1)
        await app(scope, receive, send)

    return there
