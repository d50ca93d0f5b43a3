"""The alert rules and the board: made from the list of metrics, and tried by the real Prometheus."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import HTTPException
from fastapi.testclient import TestClient

from scripts import monitoring
from shelflife.clock import DAY
from shelflife.records.history import RunState, Trigger
from shelflife.records.records import open_records
from shelflife.records.usage import DiskSample
from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app
from shelflife.web.metrics.table import METRICS
from tests.integration.web.serving import served

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is missing (Debian: apt-get install prometheus)"
)
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is missing (Debian: apt-get install prometheus)"
)


@pytest.fixture
def storage(make_storage: MakeStorage) -> Storage:
    """A storage of which there is something to tell of every kind."""
    made = make_storage(
        {"uploads": {"retention": "7d", "trash": "7d"}, "frames": "30d"},
        cleanup={"enabled": False},
        pressure={"high": "99%", "low": "98%"},
    )
    made.file("uploads/old", age="8d", size=100)
    made.file("frames/new", age="1d", size=100)
    made.engine.cleanup()
    with open_records(made.settings).open_journal() as journal:
        for day in range(6, 0, -1):
            journal.usage.add(
                made.now() - day * DAY,
                {"uploads": (10 - day, 1000 - 100 * day), "frames": (10 - day, 1000 - 100 * day)},
                {},
                [DiskSample(disk="uploads", used=10**6, available=10**9, outside=10**6 - day)],
            )
        run = journal.runs.begin(trigger=Trigger.CLI, host="host", pid=1, at=made.now())
        report = {"areas": {"uploads": {"errnos": {"13": 2}}}}
        journal.runs.finish(run, at=made.now(), state=RunState.DONE, report=report)
    return made


def test_what_is_committed_is_written_from_the_list() -> None:
    for path, text in monitoring.written().items():
        assert path.read_text(encoding="utf-8") == text, "run `python scripts/monitoring.py`"


def test_queries_name_metrics_of_the_list_and_every_metric_has_a_use() -> None:
    named = {name for query in monitoring.queries() for name in re.findall(r"shelflife_\w+", query)}
    assert named <= monitoring.known_names()
    unused = {entry.name for entry, _ in METRICS if not any(n.startswith(entry.name) for n in named)}
    assert unused == {
        "shelflife_area_daily_inflow_files",
        "shelflife_area_directories",
        "shelflife_area_trash_files",
        "shelflife_build_info",
        "shelflife_last_run_timestamp_seconds",
        "shelflife_runs_total",
    }


def test_the_page_names_each_rule() -> None:
    page = monitoring.PAGE.read_text(encoding="utf-8")
    assert [rule.name for rule in monitoring.RULES if f"`{rule.name}`" not in page] == []


def promtool(*words: str, given: bytes = b"") -> None:
    done = subprocess.run(["promtool", *words], input=given, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


@needs_promtool
def test_promtool_finds_no_fault_with_the_rules() -> None:
    promtool("check", "rules", str(monitoring.RULES_FILE))


@needs_promtool
def test_promtool_finds_no_fault_with_a_scrape(storage: Storage) -> None:
    with TestClient(create_app(storage.settings)) as client:
        client.get("/storage/stats")
        promtool("check", "metrics", given=client.get("/metrics").content)


FIRES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "ShelflifeDown": ({}, {"shelflife_up": "1x600"}),
    "ShelflifeUnreadable": ({"shelflife_up": "0x600"}, {"shelflife_up": "1x600"}),
    "ShelflifeDiskFilling": (
        {'shelflife_disk_full_earliest_seconds{disk="temp"}': "86400x600"},
        {'shelflife_disk_full_earliest_seconds{disk="temp"}': "9e9x600"},
    ),
    "ShelflifeDiskFull": (
        {
            'shelflife_disk_free_bytes{disk="temp"}': "1x600",
            'shelflife_disk_used_bytes{disk="temp"}': "99x600",
        },
        {
            'shelflife_disk_free_bytes{disk="temp"}': "9x600",
            'shelflife_disk_used_bytes{disk="temp"}': "91x600",
        },
    ),
    "ShelflifeFewInodes": (
        {
            'shelflife_disk_free_inodes{disk="temp"}': "1x600",
            'shelflife_disk_used_inodes{disk="temp"}': "99x600",
        },
        {
            'shelflife_disk_free_inodes{disk="temp"}': "0x600",
            'shelflife_disk_used_inodes{disk="temp"}': "0x600",
        },
    ),
    "ShelflifeNoRoom": (
        {'shelflife_alerts{kind="no room"}': "1x600"},
        {'shelflife_alerts{kind="no room"}': "0x600", 'shelflife_alerts{kind="failed"}': "1x600"},
    ),
    "ShelflifeWaits": ({"shelflife_waiting_approvals": "1x600"}, {"shelflife_waiting_approvals": "0x600"}),
    "ShelflifeNeedsAPerson": (
        {'shelflife_alerts{kind="stuck"}': "1x600"},
        {'shelflife_alerts{kind="full soon"}': "1x600", 'shelflife_alerts{kind="stuck"}': "0x600"},
    ),
    "ShelflifeNoCleanup": (
        {"shelflife_last_success_timestamp_seconds": "-200000x600"},
        {"shelflife_last_success_timestamp_seconds": "0x600"},
    ),
    "ShelflifeErrors": (
        {
            'shelflife_http_requests_total{route="/storage/stats",status="500"}': "0+10x600",
            'shelflife_http_requests_total{route="/storage/stats",status="200"}': "0+10x600",
        },
        {
            'shelflife_http_requests_total{route="/readyz",status="503"}': "0+10x600",
            'shelflife_http_requests_total{route="/storage/stats",status="404"}': "0+10x600",
        },
    ),
}
"""Rule → series with which it fires, and series with which it does not."""


@needs_promtool
def test_each_rule_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    assert list(FIRES) == [rule.name for rule in monitoring.RULES]
    shutil.copy(monitoring.RULES_FILE, tmp_path / "rules.yml")
    tests = []
    for name, cases in FIRES.items():
        for series, expected in zip(cases, ([{"labels": "{}", "value": 1}], []), strict=True):
            tests.append(
                {
                    "interval": "1m",
                    "input_series": [{"series": key, "values": values} for key, values in series.items()],
                    "promql_expr_test": [
                        {
                            "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}})',
                            "eval_time": "5h",
                            "exp_samples": expected,
                        }
                    ],
                }
            )
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    promtool("test", "rules", str(tmp_path / "tests.yml"))


# -- a real scrape


@contextmanager
def scraping(port: int, place: Path) -> Iterator[int]:
    """Have Prometheus scrape what listens at a port; give its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        own: int = free.getsockname()[1]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "shelflife", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
    }
    (place / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = ["prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{own}"], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield own
    finally:
        process.terminate()
        process.wait()


def found_by(port: int, query: str) -> list[Any]:
    address = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        result: list[Any] = json.load(answer)["data"]["result"]
        return result


def operands(query: str) -> list[str]:
    """Return what a rule compares: where all is well, the comparison finds nothing, and these must."""
    if match := re.fullmatch(r"absent\((.*)\)", query):
        return [match.group(1)]
    return [side for side in re.split(r" (?:<|>|==) ", query) if "shelflife_" in side]


@needs_prometheus
def test_each_query_finds_something_in_a_real_scrape(storage: Storage, tmp_path: Path) -> None:
    wanted = [
        query for query in monitoring.queries() if query not in {rule.query for rule in monitoring.RULES}
    ]
    wanted += [side for rule in monitoring.RULES for side in operands(rule.query)]
    place = tmp_path / "prometheus"
    place.mkdir()
    app = create_app(storage.settings)

    @app.get("/broken")
    async def fail() -> None:
        raise HTTPException(500)

    with served(app) as port, scraping(port, place) as prometheus:
        until = time.monotonic() + 90
        while wanted and time.monotonic() < until:
            with suppress(urllib.error.HTTPError, TimeoutError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/broken", timeout=5)
            with suppress(OSError):  # it has not begun to listen yet
                wanted = [query for query in wanted if not found_by(prometheus, query)]
    assert wanted == [], (place / "log").read_text(encoding="utf-8")[-2000:]
