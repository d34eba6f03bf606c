"""One profile's plan: which families are on, how each begins, and the host's part of the page."""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping

from hostmon._exposition import COLUMNS, Renderer
from hostmon.labels import Describe, Labeller, text
from hostmon.metrics import Form, Metric, Profile, Scope, Source
from hostmon.samples import Group

Family = tuple[bytes, tuple[bytes, bytes], str, str, str, bool, bool]

Values = float | Mapping[tuple[str, ...], float]


def number(value: float) -> str:
    """A value as both formats write it."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return repr(value)


class Book:
    """A profile's families that are on, and their renderer."""

    def __init__(
        self, profile: Profile, metrics: tuple[Metric, ...], describe: Describe, boot: int
    ) -> None:
        self.metrics = metrics
        self._host = [HostFamily(metric) for metric in metrics if metric.scope is Scope.HOST]
        self._guests = [metric for metric in metrics if metric.scope is not Scope.HOST]
        self._flags: dict[frozenset[str], bytes] = {}
        self.renderer = Renderer(
            [planned(metric) for metric in self._guests],
            Labeller(profile, describe, groups_shown(self._guests)),
            boot,
        )

    def keep(self, oldest_ns: Mapping[Group, int]) -> None:
        """How old each group's values may be; of those not named, of any age."""
        for group in Group:
            self.renderer.keep(group, oldest_ns.get(group, 0))

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

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._heads = [metric.head(openmetrics=strict).encode() for strict in (False, True)]
        self._told: dict[bool, tuple[Values, bytes]] = {}

    def text(self, values: Values, strict: bool) -> bytes:
        """Head and series; nothing without a series."""
        told = self._told.get(strict)
        if told is None or told[0] != values:
            shown = dict(values) if isinstance(values, Mapping) else values
            text = b"".join(host_lines(self.metric, self._heads[strict], shown))
            told = self._told[strict] = shown, text
        return told[1]


def groups_shown(metrics: Iterable[Metric]) -> list[str | None]:
    """Of each group its name if its age is shown, else None.

    Shown are the CPU's, for all that the kernel tells at once, and those of every column of
    libvirt's that is on; a job's figures come and go with the job, and need none.
    """
    shown = {
        COLUMNS[metric.scope][metric.column][2]
        for metric in metrics
        if metric.source is Source.LIBVIRT and metric.scope is not Scope.JOB
    } | {Group.CPU}
    return [group.name.lower() if group in shown else None for group in Group]


def asked(metric: Metric, wanted: frozenset[str]) -> bool:
    """Whether a filter names a family, by either format's name; an empty one names all."""
    return not wanted or metric.name in wanted or metric.family in wanted


def planned(metric: Metric) -> Family:
    """A family as the renderer takes it."""
    heads = metric.head(openmetrics=False).encode(), metric.head(openmetrics=True).encode()
    column = "" if metric.form is Form.ONE else metric.column
    name = metric.name.encode()
    scope, form = metric.scope.value, metric.form.value
    return name, heads, scope, column, form, metric.running, metric.shutoff


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
