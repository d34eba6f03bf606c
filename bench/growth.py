"""Cost and memory of a pass and a page as guests grow from 10 to 10,000, on recorded trees.

``slope_cpu``: log-log slope of the CPU of one kernel pass over a recorded /proc and one render.
``slope_memory``: the same of the memory kept for guests (table with one snapshot, sampler, labels,
the parts of a compressed page that the next may use again, without the page). ``bytes_per_guest``:
that memory at the largest size, with what the kernel keeps for a guest's two open descriptors,
which a recorded tree does not have.
"""

import itertools
import math
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from bench.front import Options, Result, measure
from bench.front.tables import MadeUp
from hostmon._sampler import FAST
from hostmon.exposition import SHARED_NS, Exposition
from tests.unit.kerneltree import CPU_STAT, Tree, write_files

METRICS = ("slope_cpu", "slope_memory", "bytes_per_guest")
GUESTS = 10_000
SMALLEST = 10
ROUNDS = 7
DESCRIPTORS = 5_125 + 242
"""Bytes of kernel memory: a cpu.stat that was read, and a pidfd; both measured over 18,000."""


def recorded(root: Path, made: MadeUp) -> Tree:
    """A process, a pid file and a control group for each guest."""
    tree = Tree(root)
    snapshot = made.table.snapshot()
    for number, uuid in enumerate(snapshot.uuids):
        pid = 1000 + 20 * number
        folder = tree.process(pid, uuid)
        (folder / "cgroup").write_text(f"0::/machine/{number}.libvirt-qemu/emulator\n")
        write_files(tree.unified / f"machine/{number}.libvirt-qemu", cpu__stat=CPU_STAT)
        tree.pid_file(snapshot.guest(uuid).name.decode(), pid)
    return tree


def cost(guests: int) -> tuple[float, int]:
    """Seconds of CPU of a pass and a render, and bytes kept."""
    made = MadeUp(guests)
    root = Path(tempfile.mkdtemp(prefix="hostmon-growth-"))
    try:
        sampler = recorded(root, made).sampler(made.table)
        ticks = itertools.count(0, 2 * SHARED_NS)
        exposition = Exposition(
            made.table, made.describe, dict, CollectorRegistry(), clock_ns=lambda: next(ticks)
        )
        sampler.sample()
        exposition.refresh()
        if sampler.missing[0]:
            raise RuntimeError(f"{sampler.missing[0]} recorded guests were not found")
        times = []
        for _ in range(ROUNDS):
            began = time.thread_time()
            sampler.sample(FAST)
            exposition.refresh()
            times.append(time.thread_time() - began)
        exposition.page(compressed=True)  # keeps what it compressed
        return statistics.median(times), 2 * made.table.memory + sampler.memory + exposition.memory
    finally:
        shutil.rmtree(root)


def slope(sizes: list[int], values: list[float]) -> float:
    """Of the straight line through the logarithms, by least squares."""
    x = [math.log(size) for size in sizes]
    return statistics.linear_regression(x, [math.log(value) for value in values]).slope


def run(options: Options) -> list[Result]:
    largest = options.guests or GUESTS
    sizes = [n for n in (SMALLEST * 10**k for k in range(8)) if n < largest] + [largest]
    found = [cost(size) for size in sizes]
    results = [
        measure("slope_cpu", "", [slope(sizes, [seconds for seconds, _ in found])]),
        measure("slope_memory", "", [slope(sizes, [float(kept) for _, kept in found])]),
        measure("bytes_per_guest", "bytes", [found[-1][1] / largest + DESCRIPTORS]),
    ]
    results += [
        measure(f"cpu_{size}", "s", [seconds])
        for size, (seconds, _) in zip(sizes, found, strict=True)
    ]
    return results
