"""The metric page: made-up guests of 60 samples, beside prometheus-client and a plain memcpy.

Ours is a snapshot of the guest table, the labels' check and the render, and for ``gzip`` also the
compression. The memcpy is of the same bytes, between two buffers that are already in use. Each of
these is the best of three in a row, so that none pays for what another left in the caches. The
peer is ``generate_latest`` over a collector that has the same samples at hand.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bench.front import Options, Result, compare, find, measure, take_turns
from bench.front.tables import MadeUp
from hostmon.exposition import SHARED_NS, Exposition, Format
from hostmon.exposition.squeeze import gzipped
from hostmon.scrape import Scrape, read

METRICS = ("render", "render_vs_memcpy", "gzip", "samples_per_guest", "bytes_per_guest")
GUESTS = 1000

ROUNDS = 41
PEER_ROUNDS = 5


class SamplesAtHand(Collector):
    """Serves the samples of a scrape, as an exporter's collector does."""

    def __init__(self, scrape: Scrape) -> None:
        self.families: dict[str, tuple[str, list[tuple[list[str], float]], list[str]]] = {}
        for (name, labels), value in scrape.values.items():
            names = [label for label, _ in labels]
            family = self.families.setdefault(name, (scrape.types[name], [], names))
            family[1].append(([text for _, text in labels], value))

    def collect(self) -> Iterator[Metric]:
        """Every family, made anew."""
        for name, (kind, samples, labels) in self.families.items():
            made = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            family = made(name, name, labels=labels)
            for values, value in samples:
                family.add_metric(values, value)
            yield family


def timed(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def best(work: Callable[[], object]) -> float:
    """Seconds of the quickest of three calls in a row."""
    return min(timed(work) for _ in range(3))


def run(options: Options) -> list[Result]:
    """Measure ours and the memcpy turn by turn, then the peer."""
    guests = options.guests or GUESTS
    made = MadeUp(guests, job=True)
    ticks = itertools.count(0, 2 * SHARED_NS)
    registry = CollectorRegistry()
    exposition = Exposition(made.table, made.describe, dict, registry, clock_ns=lambda: next(ticks))
    text = exposition.page()
    source, target = memoryview(bytearray(text)), memoryview(bytearray(text))

    def copy() -> None:
        target[:] = source

    measured = take_turns(
        {
            "render": lambda: best(exposition.refresh),
            "gzip": lambda: best(lambda: exposition.page(compressed=True)),
            "memcpy": lambda: best(copy),
        },
        ROUNDS,
    )
    copied = measured["memcpy"]
    scrape = read(text, Format.TEXT.value)
    return [
        compare("render", "s", measured["render"], "prometheus-client",
                client_times(scrape, options.missing)),
        measure("render_vs_memcpy", "memcpys", shares(measured["render"], copied)),
        measure("gzip", "memcpys", shares(measured["gzip"], copied)),
        measure("gzip_wall", "s", measured["gzip"]),
        measure("gzip_alone", "s", [timed(lambda: gzipped(memoryview(text))) for _ in range(9)]),
        measure("memcpy", "s", copied),
        measure("page", "bytes", [len(text)]),
        measure("samples_per_guest", "samples", [len(scrape.values) / guests]),
        measure("bytes_per_guest", "bytes", [(exposition.memory + made.table.memory) / guests]),
    ]  # fmt: skip


def shares(values: list[float], copied: list[float]) -> list[float]:
    """Each round's value in that run's usual memcpy."""
    usual = statistics.median(copied)
    return [value / usual for value in values]


def client_times(scrape: Scrape, missing: list[str]) -> list[float] | None:
    """How long prometheus-client takes for the same samples, or None without it."""
    if find("prometheus-client", missing) is None:
        return None
    registry = CollectorRegistry()
    registry.register(SamplesAtHand(scrape))
    return [timed(lambda: generate_latest(registry)) for _ in range(PEER_ROUNDS)]
