"""Write docs/monitoring/: Prometheus' alert rules, Grafana's board, and the list of metrics, from the one list.

python scripts/monitoring.py          # writes them
python scripts/monitoring.py --check  # says whether they are up to date

Every query names metrics of `shelflife.web.metrics.table` only; a test runs each against a real scrape.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from shelflife.web.metrics.row import MetricKind
from shelflife.web.metrics.table import METRICS

DOCS: Final = Path(__file__).parents[1] / "docs"
PAGE: Final = DOCS / "monitoring.md"
RULES_FILE: Final = DOCS / "monitoring" / "rules.yml"
BOARD_FILE: Final = DOCS / "monitoring" / "grafana.json"

_BEGIN: Final = "<!-- metrics: written by scripts/monitoring.py -->\n"
_END: Final = "<!-- end of metrics -->\n"


FILLING_WITHIN_DAYS: Final = 28
"""Days within which a disk may be full for it to be told: see tests/acceptance/test_filling_disks.py."""
FILLING_FOR_DAYS: Final = 2
"""Days for which that stays told: the earliest day comes and goes with each day's inflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What Prometheus watches for."""

    name: str
    query: str
    lasting: str
    """How long it must hold."""
    severity: str
    summary: str
    """What is told, in a sentence; `{{ $labels.x }}` is a label."""


RULES: Final = (
    Rule(
        name="ShelflifeDown",
        query="absent(shelflife_up)",
        lasting="5m",
        severity="critical",
        summary="No shelflife answers: nothing cleans up, and nobody is told",
    ),
    Rule(
        name="ShelflifeUnreadable",
        query="shelflife_up == 0",
        lasting="10m",
        severity="critical",
        summary="Index or journal cannot be read; the log of {{ $labels.instance }} says why",
    ),
    Rule(
        name="ShelflifeDiskFilling",
        query=(
            f"min_over_time(shelflife_disk_full_earliest_seconds[{FILLING_FOR_DAYS}d])"
            f" < {FILLING_WITHIN_DAYS} * 86400"
        ),
        lasting="1h",
        severity="warning",
        summary="The disk of {{ $labels.disk }} may be full in {{ $value | humanizeDuration }}",
    ),
    Rule(
        name="ShelflifeDiskFull",
        query="shelflife_disk_free_bytes < 0.02 * (shelflife_disk_used_bytes + shelflife_disk_free_bytes)",
        lasting="5m",
        severity="critical",
        summary="The disk of {{ $labels.disk }} has {{ $value | humanize1024 }}B left",
    ),
    Rule(
        name="ShelflifeFewInodes",
        query="shelflife_disk_free_inodes < 0.05 * (shelflife_disk_used_inodes + shelflife_disk_free_inodes)",
        lasting="15m",
        severity="critical",
        summary="The disk of {{ $labels.disk }} has {{ $value | humanize }} inodes left",
    ),
    Rule(
        name="ShelflifeNoRoom",
        query='shelflife_alerts{kind="no room"} > 0',
        lasting="0m",
        severity="critical",
        summary="A disk is above its high watermark, and no room could be made; `shelflife alerts list` says why",
    ),
    Rule(
        name="ShelflifeWaits",
        query="shelflife_waiting_approvals > 0",
        lasting="1h",
        severity="warning",
        summary="A cleanup waits until a person approves it; `shelflife status` shows the plan",
    ),
    Rule(
        name="ShelflifeNeedsAPerson",
        query='shelflife_alerts{kind!~"no room|full soon|pressure|refused"} > 0',
        lasting="15m",
        severity="warning",
        summary="Something needs a person: {{ $labels.kind }}; `shelflife alerts list` says what",
    ),
    Rule(
        name="ShelflifeNoCleanup",
        query="time() - shelflife_last_success_timestamp_seconds > 2 * 86400",
        lasting="1h",
        severity="warning",
        summary="No run has come to its end for {{ $value | humanizeDuration }}",
    ),
    Rule(
        name="ShelflifeErrors",
        query=(
            'sum by (route) (rate(shelflife_http_requests_total{status=~"5..", route!="/readyz"}[10m]))'
            " > 0.05 * sum by (route) (rate(shelflife_http_requests_total[10m]))"
        ),
        lasting="10m",
        severity="warning",
        summary="Requests to {{ $labels.route }} fail",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture on the board."""

    title: str
    queries: tuple[tuple[str, str], ...]
    """(query, what it is called)."""
    unit: str = "short"
    """As Grafana calls it."""
    kind: str = "timeseries"
    width: int = 8
    """Of 24."""


_ROWS: Final[tuple[tuple[str, tuple[Panel, ...]], ...]] = (
    (
        "Now",
        (
            Panel(title="Answers", queries=(("min(shelflife_up)", ""),), kind="stat", width=4),
            Panel(
                title="Full at the earliest",
                queries=(("min(shelflife_disk_full_earliest_seconds)", ""),),
                unit="s",
                kind="stat",
                width=4,
            ),
            Panel(
                title="Needs a person",
                queries=(("sum(max by (kind) (shelflife_alerts))", ""),),
                kind="stat",
                width=4,
            ),
            Panel(
                title="Waits for approval",
                queries=(("max(shelflife_waiting_approvals)", ""),),
                kind="stat",
                width=4,
            ),
            Panel(title="Holds", queries=(("max(shelflife_holds)", ""),), kind="stat", width=4),
            Panel(
                title="Since the last complete run",
                queries=(("time() - max(shelflife_last_success_timestamp_seconds)", ""),),
                unit="s",
                kind="stat",
                width=4,
            ),
        ),
    ),
    (
        "Disks",
        (
            Panel(
                title="In use",
                queries=(
                    ("max by (disk) (shelflife_disk_used_bytes)", "{{disk}}"),
                    (
                        "max by (disk) (shelflife_disk_used_bytes + shelflife_disk_free_bytes)",
                        "{{disk}}: all",
                    ),
                    ("max by (disk) (shelflife_disk_high_bytes)", "{{disk}}: high"),
                    ("max by (disk) (shelflife_disk_low_bytes)", "{{disk}}: low"),
                ),
                unit="bytes",
            ),
            Panel(
                title="Full in",
                queries=(
                    (
                        "min by (disk) (shelflife_disk_full_earliest_seconds)",
                        "{{disk}}: at the earliest",
                    ),
                    (
                        "max by (disk) (shelflife_disk_full_latest_seconds)",
                        "{{disk}}: at the latest",
                    ),
                ),
                unit="s",
            ),
            Panel(
                title="Inodes in use",
                queries=(
                    (
                        (
                            "max by (disk) (shelflife_disk_used_inodes / (shelflife_disk_used_inodes"
                            " + shelflife_disk_free_inodes))"
                        ),
                        "{{disk}}",
                    ),
                ),
                unit="percentunit",
            ),
        ),
    ),
    (
        "Areas",
        (
            Panel(
                title="Bytes",
                queries=(("max by (area) (shelflife_area_size_bytes)", "{{area}}"),),
                unit="bytes",
            ),
            Panel(title="Files", queries=(("max by (area) (shelflife_area_files)", "{{area}}"),)),
            Panel(
                title="In the trash",
                queries=(("max by (area) (shelflife_area_trash_bytes)", "{{area}}"),),
                unit="bytes",
            ),
            Panel(
                title="Comes in a day",
                queries=(("max by (area) (shelflife_area_daily_inflow_bytes)", "{{area}}"),),
                unit="bytes",
            ),
            Panel(
                title="Age of the oldest file, as a share of what is kept",
                queries=(
                    (
                        (
                            "max by (area) ((time() - shelflife_area_oldest_file_timestamp_seconds)"
                            " / (shelflife_area_retention_seconds > 0))"
                        ),
                        "{{area}}",
                    ),
                ),
                unit="percentunit",
            ),
            Panel(
                title="Since it was looked at",
                queries=(
                    (
                        "time() - max by (area) (shelflife_area_scanned_timestamp_seconds)",
                        "{{area}}",
                    ),
                ),
                unit="s",
            ),
        ),
    ),
    (
        "Runs",
        (
            Panel(
                title="Runs an hour, by how they ended",
                queries=(("max by (state) (increase(shelflife_ended_runs_total[1h]))", "{{state}}"),),
            ),
            Panel(
                title="Given back",
                queries=(("max(rate(shelflife_removed_bytes_total[1h]))", "bytes a second"),),
                unit="Bps",
            ),
            Panel(
                title="Files removed",
                queries=(("max(rate(shelflife_removed_files_total[1h]))", "files a second"),),
            ),
            Panel(
                title="Failures an hour",
                queries=(
                    (
                        "max by (area, error) (increase(shelflife_failures_total[1h]))",
                        "{{area}}: {{error}}",
                    ),
                ),
            ),
            Panel(
                title="Duration of nine in ten runs of the day",
                queries=(
                    (
                        (
                            "histogram_quantile(0.9, max by (trigger, le)"
                            " (increase(shelflife_run_duration_seconds_bucket[1d])))"
                        ),
                        "{{trigger}}",
                    ),
                ),
                unit="s",
            ),
            Panel(title="A cleanup goes on", queries=(("max(shelflife_cleaning)", ""),)),
        ),
    ),
    (
        "HTTP",
        (
            Panel(
                title="Requests",
                queries=(
                    (
                        "sum by (route) (rate(shelflife_http_requests_total[$__rate_interval]))",
                        "{{route}}",
                    ),
                ),
                unit="reqps",
            ),
            Panel(
                title="99 in 100 begin within",
                queries=(
                    (
                        (
                            "histogram_quantile(0.99, sum by (route, le)"
                            " (rate(shelflife_http_request_duration_seconds_bucket[$__rate_interval])))"
                        ),
                        "{{route}}",
                    ),
                ),
                unit="s",
            ),
            Panel(
                title="Open requests and streams",
                queries=(("sum by (process) (shelflife_http_requests_open)", "process {{process}}"),),
            ),
        ),
    ),
)


def known_names() -> set[str]:
    """Return what a query may name."""
    names = set()
    for entry, _ in METRICS:
        endings = ("_bucket", "_count", "_sum") if entry.kind is MetricKind.HISTOGRAM else ("",)
        names |= {entry.name + ending for ending in endings}
    return names


def queries() -> list[str]:
    """Return every query, of rules and board, as Prometheus takes it: for all storages."""
    found = [rule.query for rule in RULES]
    for _, panels in _ROWS:
        found += [query for panel in panels for query, _ in panel.queries]
    return [query.replace("$__rate_interval", "1m") for query in found]


def rules() -> str:
    """Return the alert rules."""
    told = [
        {
            "alert": rule.name,
            "expr": rule.query,
            "for": rule.lasting,
            "labels": {"severity": rule.severity},
            "annotations": {"summary": rule.summary},
        }
        for rule in RULES
    ]
    head = "# Alert rules for Prometheus, written by scripts/monitoring.py; see docs/monitoring.md.\n"
    return head + yaml.safe_dump(
        {"groups": [{"name": "shelflife", "rules": told}]}, sort_keys=False, width=110
    )


def board() -> str:
    """Return the board."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in _ROWS:
        panels.append(
            {"type": "row", "title": title, "gridPos": _place(0, top, 24, 1), "id": len(panels) + 1}
        )
        top, left, height = top + 1, 0, 4 if row[0].kind == "stat" else 8
        for panel in row:
            if left + panel.width > 24:
                left, top = 0, top + height
            panels.append(_panel(panel, _place(left, top, panel.width, height), len(panels) + 1))
            left += panel.width
        top += height
    shown = {
        "title": "shelflife",
        "uid": "shelflife",
        "tags": ["shelflife"],
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "templating": {"list": [_source(), _instance()]},
        "panels": panels,
    }
    return json.dumps(shown, indent=2) + "\n"


_NAME: Final = re.compile(r"(shelflife_\w+)")
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def _source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _instance() -> dict[str, Any]:
    return {
        "name": "instance",
        "type": "query",
        "label": "Storage",
        "datasource": _DATASOURCE,
        "query": {"query": "label_values(shelflife_up, instance)", "refId": "instance"},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(panel: Panel, place: dict[str, int], number: int) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "id": number,
        "gridPos": place,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": _DATASOURCE,
                "expr": _NAME.sub(r'\1{instance=~"$instance"}', query),
                **({"legendFormat": name} if name else {}),
            }
            for position, (query, name) in enumerate(panel.queries)
        ],
    }


def _place(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "w": width, "h": height}


def table() -> str:
    """Return the list of metrics as a table."""
    rows = ["| metric | type | labels | tells | from |", "|---|---|---|---|---|"]
    for entry, source in METRICS:
        labels = ", ".join(f"`{label}`" for label in entry.labels)
        rows.append(f"| `{entry.name}` | {entry.kind} | {labels} | {entry.text} | {source} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """Return the page with its list of metrics as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


def written() -> dict[Path, str]:
    """Return what each file should have."""
    return {PAGE: page(), RULES_FILE: rules(), BOARD_FILE: board()}


def main() -> int:
    """Write the files, or say which are out of date."""
    if unknown := {
        name
        for query in queries()
        for name in re.findall(r"shelflife_\w+", query)
        if name not in known_names()
    }:
        print(f"no such metric: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 1
    for path, text in written().items():
        if sys.argv[1:] == ["--check"]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"{path} is out of date: run `python scripts/monitoring.py`", file=sys.stderr)
                return 1
        else:
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
