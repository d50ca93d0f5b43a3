"""A typed client is generated from the OpenAPI document, and does what one is for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app
from shelflife.web.service_token import VARIABLE

TOKEN = "a token for tests only"

CONFIG = {"content_type_overrides": {"application/problem+json": "application/json"}, "post_hooks": []}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The package of a client that was generated from the snapshot, by its name."""
    place: Path = tmp_path_factory.mktemp("generated")
    config = place / "config.json"
    config.write_text(json.dumps(CONFIG), encoding="utf-8")
    snapshot = Path(__file__).parents[1] / "data" / "openapi.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
            *(
                "--path",
                str(snapshot),
                "--config",
                str(config),
                "--output-path",
                str(place / "storage_client"),
            ),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    warnings = [line for line in done.stdout.splitlines() if line.startswith("WARNING")]
    streams = ("/storage/events", "/metrics")  # text, of which a client of JSON makes nothing
    assert [line for line in warnings if not any(stream in line for stream in streams)] == [], done.stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        yield "storage_client"
    for name in [name for name in sys.modules if name.startswith("storage_client")]:
        del sys.modules[name]


@pytest.fixture
def storage(make_storage: MakeStorage) -> Storage:
    return make_storage(cleanup={"enabled": False}, limits={"confirm_above": "1%", "confirm_above_files": 5})


def operation(package: str, name: str) -> ModuleType:
    return import_module(f"{package}.api.storage.{name}")


def test_a_generated_client_looks_asks_approves_and_follows(
    generated: str, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, TOKEN)
    for number in range(30):
        storage.file(f"temp/{number}", size=7)
    client_of, models = import_module(f"{generated}.client"), import_module(f"{generated}.models")
    with TestClient(create_app(storage.settings)) as served:
        served.headers["Authorization"] = f"Bearer {TOKEN}"
        client = client_of.Client(base_url="http://testserver").set_httpx_client(served)

        def call(name: str, *values: object, **named: object) -> Any:
            return operation(generated, name).sync_detailed(*values, client=client, **named)

        plan = call("get_plan").parsed
        assert (plan.files, plan.needs_approval, plan.areas["temp"].bytes_) == (30, True, 210)

        refused = call("start_cleanup", body=models.CleanupRequest())
        assert (refused.status_code, refused.parsed.title) == (409, "A person must approve it first")

        (waiting,) = call("list_waiting_plans").parsed.plans
        seen = call("get_waiting_plan", waiting.plan).headers["ETag"]
        held = call("add_hold", body=models.HoldRequest(path="temp/1", reason="an audit"))
        assert (held.status_code, held.parsed.actor, held.parsed.tree) == (201, "admin", False)

        body = models.CleanupRequest(approve=waiting.plan)
        changed = call("start_cleanup", body=body, if_match=seen)
        assert (changed.status_code, changed.parsed["changed"]) == (412, ["temp"])

        done = call("start_cleanup", body=body, if_match=changed.headers["ETag"], idempotency_key="k1")
        assert (done.parsed.total_deleted, done.parsed.dry_run) == (29, False)
        again = call("start_cleanup", body=body, if_match=changed.headers["ETag"], idempotency_key="k1")
        assert again.parsed.to_dict() == done.parsed.to_dict()

        run = call("get_run", done.parsed.run).parsed
        assert (run.state, run.actor, run.report.removed) == (models.RunState.DONE, "admin", 29)
        files = call("list_run_files", run.run, limit=20).parsed
        rest = call("list_run_files", run.run, cursor=files.next_cursor).parsed
        assert len({file.path for file in [*files.files, *rest.files]}) == 30  # what is held, too
        kinds = [act.kind for act in call("list_acts").parsed.acts]
        assert kinds == ["run.begun", "plan.approved", "hold.added", "run.refused"]
    assert storage.files() == ["temp/1"]
