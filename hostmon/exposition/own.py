"""The agent's own metrics, which prometheus-client keeps, as the end of a page."""

from collections.abc import Collection

from prometheus_client import CollectorRegistry
from prometheus_client import generate_latest as generate_text
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from hostmon.errors import SettingsError
from hostmon.metrics import PROFILES


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
