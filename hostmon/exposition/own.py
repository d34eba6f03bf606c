"""The agent's own metrics, which prometheus-client keeps, as the end of a page."""

import functools
from collections.abc import Collection, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client import generate_latest as generate_text
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from hostmon.errors import SettingsError
from hostmon.metrics import PROFILES
from hostmon.metrics.family import escape_help


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


Texts = dict[str, tuple[tuple[str, str, str], list[Sample], str]]
"""Families' text by name, and what it shows: type, help and unit, and the samples."""


class OwnPage:
    """A registry's families as text; of a family whose samples are as they were it stays.

    One thread at a time may ask for it.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._texts: dict[bool, Texts] = {False: {}, True: {}}

    def page(self, wanted: Collection[str], strict: bool) -> bytes:
        """All families or those of the given names; in OpenMetrics with its end mark."""
        families = list(self._registry.collect())
        texts = self._texts[strict]
        if wanted:
            families = [part for each in families if (part := asked_of(each, wanted)) is not None]
            texts = {}
        try:
            return plain_page(families, strict, texts)
        except LookupError:
            generate = generate_openmetrics if strict else generate_text
            page: bytes = generate(Collected(families))
            return page


def asked_of(family: Metric, names: Collection[str]) -> Metric | None:
    """A family that is asked for by its name, or those of its samples that are by theirs."""
    if family.name in names:
        return family
    samples = [sample for sample in family.samples if sample.name in names]
    if not samples:
        return None
    part = Metric(family.name, family.documentation, family.type, family.unit)
    part.samples = samples
    return part


class Collected(Collector):
    """Families that were collected already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """The same ones."""
        return self._families


def plain_page(families: Collection[Metric], strict: bool, texts: Texts) -> bytes:
    """What prometheus-client writes, in half its time; LookupError for what only it can write.

    Families are taken from ``texts`` where nothing has changed, and put there where it has.
    """
    if len(texts) > 2 * len(families):
        texts.clear()
    parts: list[str] = []
    for family in families:
        about = family.type, family.documentation, family.unit
        told = texts.get(family.name)
        if told is None or told[0] != about or told[1] != family.samples:
            text = head(family.name, *about, strict) + lines(family)
            told = texts[family.name] = about, list(family.samples), text
        parts.append(told[2])
    if strict:
        parts.append("# EOF\n")
    return "".join(parts).encode()


def lines(family: Metric) -> str:
    """A family's samples; LookupError where they have more than a value."""
    parts = []
    expected = family.name + SUFFIXES[family.type]
    for sample in family.samples:
        if sample.name != expected or sample.timestamp or sample.exemplar:
            raise LookupError(sample.name)
        labels = sample.labels
        name = series(sample.name, tuple(labels.items())) if labels else sample.name
        parts.append(f"{name} {number(sample.value)}\n")
    return "".join(parts)


SUFFIXES = {"counter": "_total", "gauge": "", "info": "_info"}
"""What a sample's name adds to its family's, for the types that have one sample a series."""


@functools.lru_cache(1024)
def head(name: str, kind: str, text: str, unit: str, strict: bool) -> str:
    """The lines that begin a family; LookupError for a type with more than one sample a series."""
    name = name if strict else name + SUFFIXES[kind]
    shown = kind if strict or kind != "info" else "gauge"
    lines = [f"# HELP {name} {escape_help(text, strict)}", f"# TYPE {name} {shown}"]
    if strict and unit:
        lines.append(f"# UNIT {name} {unit}")
    return "".join(f"{line}\n" for line in lines)


@functools.lru_cache(4096)
def series(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    """A sample's name with its labels, in the order of their names."""
    pairs = ",".join(
        f'{label}="{escape_help(value, openmetrics=True)}"' for label, value in sorted(labels)
    )
    return f"{name}{{{pairs}}}"


def number(value: float) -> str:
    """A value as the library writes it; from a million on that is not Python's way."""
    if -1e6 < value < 1e6:
        return repr(float(value))
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def refuse_clashes(registry: CollectorRegistry) -> None:
    """Raise if a registry has a family of any profile: a page would have it twice."""
    metrics = [metric for profile in PROFILES.values() for metric in profile.metrics]
    ours = {metric.family for metric in metrics} | {metric.name for metric in metrics}
    theirs = {family.name for family in registry.collect()}
    theirs |= {sample.name for family in registry.collect() for sample in family.samples}
    for name in sorted(ours & theirs):
        raise SettingsError(f"metric {name!r} is registered, but is one of the catalogue's")
