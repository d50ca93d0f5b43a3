"""Metrics for Prometheus, computed when they are asked for.

From the index and the journal, not from counters in memory: so every worker process answers the same, and a
restart loses nothing. They live in a registry of their own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shelflife.alerts.conditions import AlertKind
from shelflife.clock import SECOND
from shelflife.errors import ShelflifeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shelflife.engine import Engine
    from shelflife.records.statistics import AreaStatistics

__all__ = ["StorageCollector", "exposition"]

logger = logging.getLogger(__name__)

_AREA_GAUGES: Final[dict[str, tuple[str, Callable[[AreaStatistics], int | None]]]] = {
    "files": ("Regular files, protected ones included", lambda area: area.files),
    "size_bytes": ("Their apparent size", lambda area: area.bytes),
    "directories": ("Directories, the area's own included", lambda area: area.directories),
    "oldest_file_timestamp_seconds": ("Time of the oldest file that may expire", lambda area: area.oldest),
    "scanned_timestamp_seconds": ("When the area was last looked at", lambda area: area.as_of),
}
"""Gauge of an area → what it says, and how to know it; times in ns."""


class StorageCollector(Collector):
    """A storage in metrics, all named `shelflife_…`."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        """Take what gives the engine; nothing is read before `collect`."""
        self._engine = engine

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics as they are now. What cannot be read is left out, and `shelflife_up` is 0."""
        found: list[Metric] = []
        up = 1
        for part in (self._areas, self._totals, self._alerts):
            try:
                found.extend(part(self._engine()))
            except (ShelflifeError, OSError) as error:
                logger.warning("metrics are incomplete: %s", error)
                up = 0
        yield GaugeMetricFamily("shelflife_up", "Whether index and journal could be read", value=up)
        yield from found

    @staticmethod
    def _areas(engine: Engine) -> Iterator[Metric]:
        areas = engine.stats().areas
        for name, (text, value_of) in _AREA_GAUGES.items():
            gauge = GaugeMetricFamily(f"shelflife_area_{name}", text, labels=["area"])
            for area in areas:
                if (value := value_of(area)) is not None:
                    gauge.add_metric([area.area], value / SECOND if name.endswith("_seconds") else value)
            yield gauge
        gauge = GaugeMetricFamily(
            "shelflife_area_retention_seconds", "How long files are kept; -1: indefinitely", labels=["area"]
        )
        for area_name, settings in engine.settings.areas.items():
            gauge.add_metric([area_name], settings.retention)
        yield gauge

    @staticmethod
    def _totals(engine: Engine) -> Iterator[Metric]:
        totals = engine.totals()
        yield CounterMetricFamily("shelflife_runs", "Executed runs", value=totals.runs)
        yield CounterMetricFamily("shelflife_removed_files", "Files removed", value=totals.removed)
        yield CounterMetricFamily("shelflife_removed_bytes", "Their apparent size", value=totals.bytes)
        for name, moment in (("run", totals.last_run), ("success", totals.last_success)):
            if moment is not None:
                text = f"When the last {name} ended"
                yield GaugeMetricFamily(
                    f"shelflife_last_{name}_timestamp_seconds", text, value=moment / SECOND
                )
        cleaning = engine.holder() is not None
        yield GaugeMetricFamily("shelflife_cleaning", "Whether a cleanup is going on", value=cleaning)

    @staticmethod
    def _alerts(engine: Engine) -> Iterator[Metric]:
        active = [alert.kind for alert in engine.alerts()]
        gauge = GaugeMetricFamily(
            "shelflife_alerts", "What needs a person, by what it is about", labels=["kind"]
        )
        for kind in AlertKind:
            gauge.add_metric([str(kind)], active.count(kind))
        yield gauge


def exposition(engine: Callable[[], Engine]) -> Callable[[], bytes]:
    """Return what gives the metrics of an engine in Prometheus' text format; it blocks."""
    registry = CollectorRegistry()
    registry.register(StorageCollector(engine))
    return lambda: generate_latest(registry)
