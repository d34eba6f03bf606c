"""The metric page: made-up guests of 60 samples, beside prometheus-client and a plain memcpy.

Ours is a whole page as it is given to the socket: a snapshot of the guest table, the labels' check,
the render and the list of its pieces, which are written as they are; for ``gzip`` also the
compression. ``joined`` has the pieces joined besides, as whoever needs one buffer does, and
``render_kept`` finds that the page before is still being read: what changes is copied first. Before
each render the numbers move that move between two scrapes of guests that run: counters of
processor, memory, disk, interface and job by up to a thousandth of themselves, ages by the time
that passed; states, sizes, limits, errors and drops stay (``moved_per_guest`` says how many moved).
``render_all`` and ``gzip_all`` are the same where every number of the page moves that can,
``render_other`` where each becomes another of any length, which no scrape sees but the first, and
``gzip_first`` is a page of which nothing was compressed before. The memcpy is of the page's bytes,
between two buffers in use already. Each of these is the best of three in a row, so that none pays
for what another left in the caches. The peer is ``generate_latest`` over a collector that has the
same samples at hand.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bench.front import Options, Result, compare, find, measure, take_turns
from bench.front.tables import NUMBERS, Columns, MadeUp
from hostmon.exposition import SHARED_NS, Exposition, Format
from hostmon.scrape import Scrape, read
from tests.native.synthetic import move

METRICS = (
    "render", "render_vs_memcpy", "render_all_vs_memcpy", "gzip", "samples_per_guest",
    "bytes_per_guest",
)  # fmt: skip
GUESTS = 1000
SIXTIETH = frozenset({"libvirt_domain_autostart"})
"""On besides the defaults, so that a guest has 60 samples."""

ROUNDS = 41
PEER_ROUNDS = 5
A_LITTLE = 1000
"""A number moves by up to this part of itself; 0 is any other number."""

MOVING = {
    "guest": (
        "cpu.time_ns", "cpu.user_ns", "cpu.system_ns", "memory.rss", "memory.current",
        "balloon.usable", "io.read_bytes", "io.write_bytes",
    ),
    "vcpu": ("run_ns", "delay_ns"),
    "disk": (
        "read_requests", "read_bytes", "read_ns", "write_requests", "write_bytes", "write_ns",
        "flush_requests", "flush_ns",
    ),
    "interface": ("rx_bytes", "rx_packets", "tx_bytes", "tx_packets"),
    "job": ("elapsed_ns", "data_remaining"),
}  # fmt: skip
"""Of what is on the page by default, what moves from scrape to scrape."""


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


class Mover:
    """Lets numbers of a table move, other ones each time."""

    def __init__(self, made: MadeUp) -> None:
        self.made = made
        self.seeds = itertools.count(1)

    def best(self, work: Callable[[], object], columns: Columns, part: int = A_LITTLE) -> float:
        """Seconds of the quickest of three calls, the numbers having moved before each."""
        took = []
        for _ in range(3):
            move(self.made.table, columns, part, next(self.seeds))
            took.append(timed(work))
        return min(took)


def run(options: Options) -> list[Result]:
    """Measure ours and the memcpy turn by turn, then the peer."""
    guests = options.guests or GUESTS
    made = MadeUp(guests, job=True)
    mover = Mover(made)
    exposition = unshared(made)
    text = exposition.page()
    before = read(text, Format.TEXT.value).values
    move(made.table, MOVING, A_LITTLE, 0)
    after = read(exposition.page(), Format.TEXT.value)
    moved = sum(before[key] != value for key, value in after.values.items())
    source, target = memoryview(bytearray(text)), memoryview(bytearray(text))

    def copy() -> None:
        target[:] = source

    measured = take_turns(
        {
            "render": lambda: mover.best(exposition.pieces, MOVING),
            "render_all": lambda: mover.best(exposition.pieces, NUMBERS),
            "joined": lambda: mover.best(exposition.page, MOVING),
            "render_kept": lambda: mover.best(keeping(exposition), MOVING),
            "gzip": lambda: mover.best(lambda: exposition.page(compressed=True), MOVING),
            "gzip_all": lambda: mover.best(lambda: exposition.page(compressed=True), NUMBERS),
            "memcpy": lambda: mover.best(copy, {}),
        },
        ROUNDS,
    )
    copied = measured["memcpy"]
    first = first_times(made)
    other = [mover.best(exposition.pieces, NUMBERS, 0) for _ in range(9)]
    return [
        compare("render", "s", measured["render"], "prometheus-client",
                client_times(after, options.missing)),
        measure("render_vs_memcpy", "memcpys", shares(measured["render"], copied)),
        measure("render_all_vs_memcpy", "memcpys", shares(measured["render_all"], copied)),
        measure("render_other_vs_memcpy", "memcpys", shares(other, copied)),
        measure("joined_vs_memcpy", "memcpys", shares(measured["joined"], copied)),
        measure("render_kept_vs_memcpy", "memcpys", shares(measured["render_kept"], copied)),
        measure("gzip", "memcpys", shares(measured["gzip"], copied)),
        measure("gzip_all_vs_memcpy", "memcpys", shares(measured["gzip_all"], copied)),
        measure("gzip_first_vs_memcpy", "memcpys", shares(first, copied)),
        measure("gzip_wall", "s", measured["gzip"]),
        measure("gzip_bytes", "bytes", [len(exposition.page(compressed=True))]),
        measure("memcpy", "s", copied),
        measure("page", "bytes", [len(text)]),
        measure("samples_per_guest", "samples", [len(after.values) / guests]),
        measure("moved_per_guest", "samples", [moved / guests]),
        measure("bytes_per_guest", "bytes", [(exposition.memory + made.table.memory) / guests]),
    ]  # fmt: skip


def unshared(made: MadeUp) -> Exposition:
    """An exposition of which no two pages share a render."""
    ticks = itertools.count(0, 2 * SHARED_NS)
    registry = CollectorRegistry()
    return Exposition(
        made.table, made.describe, dict, registry, on=SIXTIETH, clock_ns=lambda: next(ticks)
    )


def keeping(exposition: Exposition) -> Callable[[], object]:
    """Renders pages of which the last one is kept until the next is there."""
    kept: list[object] = [None]

    def render() -> None:
        kept[0] = exposition.pieces()

    return render


def first_times(made: MadeUp) -> list[float]:
    """How long the first compressed page takes, each time of another exposition."""
    took = []
    for _ in range(5):
        exposition = unshared(made)
        exposition.pieces()
        took.append(timed(partial(exposition.page, compressed=True)))
    return took


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
