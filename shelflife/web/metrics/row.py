"""One metric: what it is called and what it tells, apart from any value; and the value that a histogram has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Any, Generic, TypeVar

from shelflife.clock import SECOND

__all__ = [
    "Distribution",
    "MetricGroup",
    "MetricKind",
    "MetricRow",
    "counter",
    "gauge",
    "histogram",
    "one",
    "seconds",
]

_Facts = TypeVar("_Facts")


class MetricKind(StrEnum):
    """What a metric is, as Prometheus calls it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Distribution:
    """The value of a histogram."""

    up_to: tuple[tuple[str, int], ...]
    """(bound, how many were not above it); the last bound is +Inf."""
    count: int
    total: float
    """The sum of all."""

    @classmethod
    def of(cls, bounds: Sequence[float], counts: Sequence[int], total: float) -> Distribution:
        """Return that of counts between bounds: `counts` has one more, of what is above all of them."""
        sums = list(accumulate(counts))
        names = [str(float(bound)) for bound in bounds]
        return cls(tuple(zip([*names, "+Inf"], sums, strict=True)), sums[-1], total)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow(Generic[_Facts]):
    """One metric."""

    name: str
    """As it is scraped; of a histogram without `_bucket`, `_count` and `_sum`."""
    kind: MetricKind
    text: str
    """What it tells."""
    labels: tuple[str, ...]
    values: Callable[[_Facts], Iterable[tuple[tuple[str, ...], float | Distribution]]]
    """Return (values of the labels, the metric's value), once for each."""

    @property
    def family(self) -> str:
        """The name without the ending that its type has."""
        return self.name.removesuffix("_total").removesuffix("_info")

    @property
    def unit(self) -> str:
        """Its unit; empty where it only counts."""
        return next((unit for unit in ("seconds", "bytes") if self.family.endswith(f"_{unit}")), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricGroup(Generic[_Facts]):
    """Metrics that are read from one place."""

    source: str
    """Where they come from, in words."""
    read: Callable[[Any], _Facts]
    """Read it from `Sources`."""
    entries: tuple[MetricRow[_Facts], ...]


def gauge(
    name: str,
    text: str,
    values: Callable[[_Facts], Iterable[Any]],
    *labels: str,
    kind: MetricKind = MetricKind.GAUGE,
) -> MetricRow[_Facts]:
    """Return a metric that is a number now; `values` is that of `MetricRow`."""
    return MetricRow(name=f"shelflife_{name}", kind=kind, text=text, labels=labels, values=values)


def counter(
    name: str, text: str, values: Callable[[_Facts], Iterable[Any]], *labels: str
) -> MetricRow[_Facts]:
    """Return a metric that only grows; `name` ends with `_total`."""
    return gauge(name, text, values, *labels, kind=MetricKind.COUNTER)


def histogram(
    name: str, text: str, values: Callable[[_Facts], Iterable[Any]], *labels: str
) -> MetricRow[_Facts]:
    """Return a metric whose values are of type `Distribution`."""
    return gauge(name, text, values, *labels, kind=MetricKind.HISTOGRAM)


def one(value_of: Callable[[_Facts], float | None]) -> Callable[[_Facts], Iterator[Any]]:
    """Return what gives the one value of a metric without labels; none where it is not known."""

    def values(facts: _Facts) -> Iterator[Any]:
        if (value := value_of(facts)) is not None:
            yield (), value

    return values


def seconds(moment: int | None) -> float | None:
    """Return a moment (ns since the epoch) as Prometheus wants it."""
    return None if moment is None else moment / SECOND
