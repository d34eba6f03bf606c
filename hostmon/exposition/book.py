"""One profile's plan: which families are on, how each begins, and the host's part of the page."""

import functools
import math
from collections.abc import Iterator, Mapping

from hostmon._exposition import Renderer
from hostmon.exposition.sources import Sources
from hostmon.labels import Describe, Labeller, text
from hostmon.metrics import Form, Metric, Profile, Scope
from hostmon.samples import Group

Heads = tuple[bytes, bytes]
"""What begins a family, in text 0.0.4 and in OpenMetrics."""

Family = tuple[bytes, Heads, str, str, str, bool, bool, str]

Values = float | Mapping[tuple[str, ...], float]


def number(value: float) -> str:
    """A value as both formats write it."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return repr(value)


class Book:
    """A profile's families that are on, and their renderer."""

    def __init__(
        self,
        profile: Profile,
        metrics: tuple[Metric, ...],
        describe: Describe,
        sources: Sources,
    ) -> None:
        self.metrics = metrics
        names = {metric.name for metric in metrics}
        heads = {metric.name: both_heads(metric, sources.freshness(metric, names))
                 for metric in metrics}  # fmt: skip
        self._host = [
            HostFamily(metric, heads[metric.name])
            for metric in metrics
            if metric.scope is Scope.HOST
        ]
        self._guests = [metric for metric in metrics if metric.scope is not Scope.HOST]
        self._flags: dict[frozenset[str], bytes] = {}
        self.renderer = Renderer(
            [planned(metric, heads[metric.name]) for metric in self._guests],
            Labeller(profile, describe, sources.ages(self._guests)),
        )
        for group in Group:
            self.renderer.keep(group, sources.oldest_ns(group))

    def flags(self, wanted: frozenset[str]) -> bytes:
        """A byte for each family of guests: 1 if it is asked for."""
        if len(self._flags) > 64:
            self._flags.clear()
        if wanted not in self._flags:
            self._flags[wanted] = bytes(asked(metric, wanted) for metric in self._guests)
        return self._flags[wanted]

    def host_page(
        self, figures: Mapping[str, Values], wanted: frozenset[str], strict: bool
    ) -> bytes:
        """The families of the host."""
        parts = []
        for family in self._host:
            values = figures.get(family.metric.column)
            if values is not None and (not wanted or asked(family.metric, wanted)):
                parts.append(family.text(values, strict))
        return b"".join(parts)


class HostFamily:
    """A family of the host; its text stays until its numbers change."""

    def __init__(self, metric: Metric, heads: Heads) -> None:
        self.metric = metric
        self._heads = heads
        self._told: dict[bool, tuple[Values, bytes]] = {}

    def text(self, values: Values, strict: bool) -> bytes:
        """Head and series; nothing without a series."""
        told = self._told.get(strict)
        if told is None or told[0] != values:
            shown = dict(values) if isinstance(values, Mapping) else values
            text = b"".join(host_lines(self.metric, self._heads[strict], shown))
            told = self._told[strict] = shown, text
        return told[1]


def asked(metric: Metric, wanted: frozenset[str]) -> bool:
    """Whether a filter names a family, by either format's name; an empty one names all."""
    return not wanted or metric.name in wanted or metric.family in wanted


def both_heads(metric: Metric, freshness: str) -> Heads:
    """A family's beginnings; ``freshness`` ends its HELP text."""
    return metric.head(False, freshness).encode(), metric.head(True, freshness).encode()


def planned(metric: Metric, heads: Heads) -> Family:
    """A family as the renderer takes it."""
    column = "" if metric.form is Form.ONE else metric.column
    name = metric.name.encode()
    scope, form = metric.scope.value, metric.form.value
    return name, heads, scope, column, form, metric.running, metric.shutoff, metric.zero.value


def host_lines(metric: Metric, head: bytes, values: Values) -> Iterator[bytes]:
    """A host family's head and series; nothing without a series."""
    if not isinstance(values, Mapping):
        yield b"%b%b%b\n" % (head, series(metric.name, (), ()), number(values).encode())
        return
    if values:
        yield head
    for labels, value in values.items():
        yield b"%b%b\n" % (series(metric.name, metric.labels, labels), number(value).encode())


@functools.lru_cache(4096)
def series(name: str, labels: tuple[str, ...], values: tuple[str, ...]) -> bytes:
    """What stands before a number of the host's; names and labels hardly ever change."""
    if not labels:
        return f"{name} ".encode()
    return name.encode() + b"{" + text(list(zip(labels, values, strict=True)))
