"""Each shape is there once: what the command line prints is what HTTP sends, and both are as documented."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from shelflife.settings import load_settings
from shelflife.shapes import (
    alert,
    check,
    cleanup,
    disk,
    hold,
    metrics,
    outlook,
    plan,
    run,
    stats,
    status,
    trash,
    why,
)
from shelflife.web import create_app
from tests.integration.cli.conftest import Site, site

__all__ = ["site"]

CONFIG = """\
storage:
  base_path: storage
  default_areas: false
  areas: {uploads: {retention: 7d, trash: 2d}, outputs: {retention: -1}}
  cleanup: {enabled: false}
"""


@pytest.fixture
def used(site: Site) -> Site:
    """A storage with a run, a file in the trash, a hold and an odd name."""
    site.configure(CONFIG)
    site.file("uploads/first")
    site.file("uploads/caf\udce9")
    site.engine.cleanup()
    site.file("uploads/second")
    site.file("uploads/pinned")
    site.call("hold", "add", str(site.base / "uploads/pinned"), "--reason", "ticket 4711")
    site.call("stats")
    return site


@pytest.fixture
def client(used: Site) -> TestClient:
    # Not entered: its lifespan would look at the storage meanwhile, and answer as of another moment.
    return TestClient(create_app(load_settings(used.directory / "config.yaml")))


SHAPES: list[tuple[str, Any]] = [
    ("stats", stats.StorageStats),
    ("plan", plan.Plan),
    ("cleanup --dry-run", plan.Plan),
    ("why storage/uploads/second", why.Answer),
    ("history", list[run.Run]),
    ("check", list[check.Finding]),
    ("hold list", list[hold.Hold]),
    ("alerts list", list[alert.Alert]),
    ("status", status.Status),
    ("forecast", outlook.Forecast),
    ("whatif uploads.retention=3d", outlook.WhatIf),
    ("cleanup", run.Report),
    ("cleanup --pressure", disk.Reliefs),
    ("trash restore uploads/first", trash.Restored),
    ("trash empty", run.Report),
]

LINES: list[tuple[str, Any]] = [
    ("plan --files", plan.PlannedFile),
    ("trash list", trash.TrashedFile),
    ("history 1", run.Run | run.RunFile),
]


@pytest.mark.parametrize(("verb", "kind"), SHAPES, ids=[verb for verb, _ in SHAPES])
def test_what_a_verb_prints_has_its_shape_and_no_key_besides(used: Site, verb: str, kind: Any) -> None:
    if "--pressure" in verb:
        used.configure(CONFIG + "  pressure: {high: 100%, low: 99%}\n")
    printed = used.call(*verb.split(), "--json").json
    assert TypeAdapter(kind).validate_python(printed, strict=True) == printed


@pytest.mark.parametrize(("verb", "kind"), LINES, ids=[verb for verb, _ in LINES])
def test_each_line_that_a_verb_prints_has_its_shape(used: Site, verb: str, kind: Any) -> None:
    lines = used.call(*verb.split(), "--json").lines
    assert lines
    for line in lines:
        assert TypeAdapter(kind).validate_python(line, strict=True) == line


def test_statistics_are_the_same_on_the_command_line_and_over_http(used: Site, client: TestClient) -> None:
    assert client.get("/storage/stats").json() == used.call("stats", "--as-recorded", "--json").json


def test_a_plan_is_the_same_but_for_its_moment(used: Site, client: TestClient) -> None:
    answers = [client.get("/storage/plan").json(), used.call("plan", "--json").json]
    for answer in answers:
        del answer["plan"], answer["made"], answer["areas"]["uploads"]["cutoff"]
    assert answers[0] == answers[1]
    assert answers[0]["files"] == 1


def test_why_is_the_same_on_the_command_line_and_over_http(used: Site, client: TestClient) -> None:
    odd = base64.b64encode(b"uploads/caf\xe9").decode()
    for path, query in (
        ("uploads/pinned", {"path": "uploads/pinned"}),
        ("uploads/caf\udce9", {"path_b64": odd}),
    ):
        printed = used.call("why", str(used.base / path), "--json").json
        assert client.get("/storage/why", params=query).json() == printed


def test_runs_and_their_files_are_the_same_on_the_command_line_and_over_http(
    used: Site, client: TestClient
) -> None:
    assert client.get("/storage/runs").json()["runs"] == used.call("history", "--json").json
    first, *files = used.call("history", "1", "--json").lines
    assert client.get("/storage/runs/1").json() == first
    assert client.get("/storage/runs/1/files").json()["files"] == files


def test_the_documents_of_http_have_their_shapes(used: Site, client: TestClient) -> None:
    for route, kind in (("cleanup", cleanup.CleanupResult), ("metrics", metrics.SchedulerMetrics)):
        answer = client.get(f"/storage/{route}").json()
        assert TypeAdapter(kind).validate_python(answer, strict=True) == answer
