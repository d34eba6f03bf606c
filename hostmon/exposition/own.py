"""The agent's own metrics, which prometheus-client keeps, as the end of a page."""

from collections.abc import Collection, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client import generate_latest as generate_text
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from hostmon.errors import SettingsError
from hostmon.metrics import PROFILES


class Costs(Collector):
    """What collecting pages has cost, as one more collector of a registry."""

    def __init__(self) -> None:
        self._pages = 0
        self._seconds = self._last = 0.0

    def took(self, seconds: float) -> None:
        """Another page was collected."""
        self._pages += 1
        self._seconds += seconds
        self._last = seconds

    def collect(self) -> Iterator[Metric]:
        """Up to the page before this one."""
        yield CounterMetricFamily("hostmon_pages", "Metric pages collected.", value=self._pages)
        yield CounterMetricFamily(
            "hostmon_page_seconds",
            "Time that collecting pages took, the wait for the kernel's figures included.",
            value=self._seconds,
        )
        yield GaugeMetricFamily(
            "hostmon_last_page_seconds", "Time that the page before this took.", value=self._last
        )


def registry_page(registry: CollectorRegistry, wanted: Collection[str], strict: bool) -> bytes:
    """A registry's families, all or those of the given names; in OpenMetrics with its end mark."""
    source: Collector = registry.restricted_registry(wanted) if wanted else registry
    page: bytes = generate_openmetrics(source) if strict else generate_text(source)  # type: ignore[no-untyped-call]
    return page


def refuse_clashes(registry: CollectorRegistry) -> None:
    """Raise if a registry has a family of any profile: a page would have it twice."""
    metrics = [metric for profile in PROFILES.values() for metric in profile.metrics]
    ours = {metric.family for metric in metrics} | {metric.name for metric in metrics}
    theirs = {family.name for family in registry.collect()}
    theirs |= {sample.name for family in registry.collect() for sample in family.samples}
    for name in sorted(ours & theirs):
        raise SettingsError(f"metric {name!r} is registered, but is one of the catalogue's")
