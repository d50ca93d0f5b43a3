"""What a scrape tells."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as parse_text

from shelflife.errors import NeedsApproval
from shelflife.records.history import Trigger
from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app
from shelflife.web.metrics.row import MetricKind
from shelflife.web.metrics.table import METRICS

OPEN = "application/openmetrics-text; version=1.0.0"

Values = dict[tuple[str, ...], float]


def opened(text: str) -> dict[str, Any]:
    """Return the families of a scrape in OpenMetrics, by name."""
    return {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]


def scraped(client: TestClient) -> Values:
    """Return (name, values of the labels in the order of their names) → value."""
    text = client.get("/metrics").text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def test_metrics_are_computed_when_asked_for(client: TestClient, storage: Storage) -> None:
    storage.file("uploads/a", age="3d", size=100)
    storage.file("temp/old", age="2d", size=50)
    storage.engine.cleanup()
    found = scraped(client)
    assert found["shelflife_up",] == 1
    assert found["shelflife_area_files", "uploads"] == 1
    assert found["shelflife_area_size_bytes", "uploads"] == 100
    assert found["shelflife_area_retention_seconds", "outputs"] == -1
    assert found["shelflife_removed_files_total",] == 1
    assert found["shelflife_removed_bytes_total",] == 50
    assert found["shelflife_runs_total",] == 1
    assert found["shelflife_ended_runs_total", "done"] == 1
    assert found["shelflife_ended_runs_total", "failed"] == 0
    assert found["shelflife_run_duration_seconds_count", "program"] == 1
    assert found["shelflife_run_duration_seconds_bucket", "+Inf", "program"] == 1
    assert found["shelflife_last_success_timestamp_seconds",] > 1.7e9
    assert found["shelflife_cleaning",] == 0


def test_disks_are_told_with_their_watermarks(make_storage: MakeStorage) -> None:
    storage = make_storage(cleanup={"enabled": False}, pressure={"high": "90%", "low": "80%"})
    with TestClient(create_app(storage.settings)) as client:
        found = scraped(client)
    used, free = found["shelflife_disk_used_bytes", "temp"], found["shelflife_disk_free_bytes", "temp"]
    assert used > 0
    assert found["shelflife_disk_high_bytes", "temp"] == pytest.approx(0.9 * (used + free), rel=0.01)
    assert found["shelflife_disk_low_bytes", "temp"] == pytest.approx(0.8 * (used + free), rel=0.01)


def test_a_disk_of_which_too_little_is_known_has_no_time_until_it_is_full(client: TestClient) -> None:
    assert ("shelflife_disk_full_earliest_seconds", "temp") not in scraped(client)


def test_trash_holds_and_approvals_are_counted(make_storage: MakeStorage) -> None:
    storage = make_storage(
        {"temp": {"retention": "1d", "trash": "7d"}, "frames": "30d"},
        cleanup={"enabled": False},
        limits={"confirm_above_files": 5},
    )
    storage.file("temp/old", age="2d", size=50)
    storage.engine.cleanup()
    for number in range(20):
        storage.file(f"frames/{number}", age="40d")
    storage.engine.hold("frames/0")
    with pytest.raises(NeedsApproval):
        storage.engine.cleanup(trigger=Trigger.CLI)
    with TestClient(create_app(storage.settings)) as client:
        found = scraped(client)
    assert found["shelflife_area_trash_files", "temp"] == 1
    assert found["shelflife_area_trash_bytes", "temp"] == 50
    assert found["shelflife_holds",] == 1
    assert found["shelflife_waiting_approvals",] == 1
    assert found["shelflife_alerts", "refused"] == 1
    assert found["shelflife_ended_runs_total", "refused"] == 1


def test_requests_are_counted_by_the_template_of_their_route(client: TestClient, storage: Storage) -> None:
    storage.file("temp/name-of-a-file")
    client.get("/storage/runs/4711")
    client.get("/storage/runs/4712")
    client.get("/storage/why", params={"path": "temp/name-of-a-file"})
    client.request("BREW", "/no/such/place")
    text = client.get("/metrics").text
    assert re.search(
        r'requests_total\{method="GET",process="\d+",route="/storage/runs/{run}",status="404"} 2', text
    )
    assert re.search(r'requests_total\{method="OTHER",process="\d+",route="unmatched"', text)
    assert re.search(r'seconds_count\{method="GET",process="\d+",route="/storage/runs/{run}"} 2', text)
    assert re.search(r'requests_open\{process="\d+"} 1', text)
    assert "name-of-a-file" not in text
    assert "4711" not in text


def test_open_metrics_are_given_to_whoever_accepts_them(client: TestClient) -> None:
    answer = client.get("/metrics", headers={"Accept": f"{OPEN}, text/plain;version=0.0.4;q=0.5"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    families = opened(answer.text)
    assert families["shelflife_area_size_bytes"].unit == "bytes"
    old = client.get("/metrics", headers={"Accept": "*/*"})
    assert old.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert old.headers["vary"].split(", ")[0] == "Accept"


def test_a_scrape_has_what_the_list_says_and_nothing_else(client: TestClient, storage: Storage) -> None:
    storage.engine.cleanup()
    answer = client.get("/metrics", headers={"Accept": OPEN})
    found = opened(answer.text)
    assert set(found) == {entry.family for entry, _ in METRICS}
    for entry, _ in METRICS:
        family = found[entry.family]
        assert (family.type, family.documentation, family.unit) == (entry.kind, entry.text, entry.unit)
        for sample in family.samples:
            assert set(sample.labels) - ({"le"} if entry.kind is MetricKind.HISTOGRAM else set()) == set(
                entry.labels
            )


def test_what_cannot_be_read_is_left_out_and_the_rest_is_told(client: TestClient, storage: Storage) -> None:
    storage.settings.state_path.joinpath("journal.db").write_bytes(b"no database at all" * 100)
    found = scraped(client)
    assert found["shelflife_up",] == 0
    assert ("shelflife_runs_total",) not in found
    assert any(name[0] == "shelflife_http_requests_open" for name in found)
