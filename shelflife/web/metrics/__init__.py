"""Metrics for Prometheus, computed when they are asked for.

table     the metrics: the one list, which the docs, the board and the alert rules are made from
sources   what they are read from
counts    how many requests this process answered, and how fast
row       what one metric is

What they tell of the storage comes from the index and the journal, not from counters in memory: so every worker
process answers the same, and a restart loses nothing. What takes longer than a scrape may – the forecast, what
needs a person – is some seconds old (`shelflife.web.recent`). They live in a registry of their own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from shelflife.errors import ShelflifeError
from shelflife.web.metrics.row import Distribution
from shelflife.web.metrics.table import GROUPS, UP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.web.metrics.row import MetricRow
    from shelflife.web.metrics.sources import Sources

__all__ = ["Exposition"]

logger = logging.getLogger(__name__)


class Exposition:
    """The metrics of one storage, and of the process that serves it, as text."""

    def __init__(self, sources: Sources) -> None:
        """Take what they are read from; nothing is read yet."""
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(sources))

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics as they are now, and their media type. Blocks.

        `accept` is the header of the request: OpenMetrics for whoever takes it, else Prometheus' older format.
        """
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _Collector(Collector):
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics as they are now. What cannot be read is left out, and `shelflife_up` is 0."""
        found: list[Metric] = []
        is_up = True
        for group in GROUPS:
            try:
                facts = group.read(self._sources)
            except (ShelflifeError, OSError) as error:
                logger.warning("metrics are incomplete: %s", error)
                is_up = False
            else:
                found.extend(_family(entry, facts) for entry in group.entries)
        yield _family(UP, is_up)
        yield from found


def _family(entry: MetricRow[Any], facts: object) -> Metric:
    """Return a metric with its values."""
    family = Metric(entry.family, entry.text, entry.kind, entry.unit)
    for words, value in entry.values(facts):
        labels = dict(zip(entry.labels, words, strict=True))
        if not isinstance(value, Distribution):
            family.add_sample(entry.name, labels, value)
            continue
        for bound, count in value.up_to:
            family.add_sample(f"{entry.name}_bucket", labels | {"le": bound}, count)
        family.add_sample(f"{entry.name}_count", labels, value.count)
        family.add_sample(f"{entry.name}_sum", labels, value.total)
    return family
