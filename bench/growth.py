"""Cost and memory of a pass and a page as guests grow from 10 to 10,000, on recorded trees.

``slope_cpu``: log-log slope of the CPU of one kernel pass over a recorded /proc and one render.
``slope_memory``: the same of the memory kept for guests. ``bytes_per_guest``: that memory at the
largest size, a guest. It is by how much the resident memory of a whole agent's process (anonymous,
by smaps_rollup, free heap given back) is larger than that of one without guests, each in a fresh
process: all that any part keeps of guests who were listed, read, surveyed and shown, the page as
text left out, since it is what is being sent. To that comes what a recorded host does not have:
``descriptors_per_guest``, what the kernel keeps for a guest's two open descriptors, and
``handles_per_guest``, what libvirt's client library and its user keep to read statistics.
``page_per_guest`` is the page's text, kept from scrape to scrape, and
``bytes_per_guest_with_page`` the sum.
"""

import itertools
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry

from bench.front import Options, Result, measure
from bench.front.tables import MadeUp
from bench.recorded.agent import Kept
from bench.recorded.host import name_of, record, sampler_of, uuid_of
from hostmon._sampler import FAST
from hostmon.exposition import SHARED_NS, Exposition

METRICS = (
    "slope_cpu", "slope_memory", "bytes_per_guest", "page_per_guest", "bytes_per_guest_with_page",
    "descriptors_per_guest", "handles_per_guest", "samples_per_guest",
)  # fmt: skip
GUESTS = 10_000
SMALLEST = 10
ROUNDS = 7
DESCRIPTORS = 5_125 + 242
"""Bytes of kernel memory: a cpu.stat that was read, and a pidfd; both measured over 18,000."""


def cost(root: Path, guests: int) -> float:
    """Seconds of CPU of a pass and a render."""
    made = MadeUp(0)
    for number in range(guests):
        made.add(name_of(number), number, uuid_of(number))
    sampler = sampler_of(root, made.table)
    ticks = itertools.count(0, 2 * SHARED_NS)
    exposition = Exposition(
        made.table, made.describe, dict, CollectorRegistry(), clock_ns=lambda: next(ticks)
    )
    sampler.sample()
    exposition.pieces()
    if sampler.unresolved:
        raise RuntimeError(f"{sampler.unresolved} recorded guests were not found")
    times = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        sampler.sample(FAST)
        exposition.pieces()
        times.append(time.thread_time() - began)
    return statistics.median(times)


def kept(root: Path, guests: int) -> Kept:
    """What an agent keeps, in a process of its own."""
    command = [sys.executable, "-m", "bench.recorded.agent", str(root), str(guests)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Kept)


def slope(sizes: list[int], values: list[float]) -> float:
    """Of the straight line through the logarithms, by least squares."""
    x = [math.log(size) for size in sizes]
    return statistics.linear_regression(x, [math.log(value) for value in values]).slope


def run(options: Options) -> list[Result]:
    largest = options.guests or GUESTS
    sizes = [n for n in (SMALLEST * 10**k for k in range(8)) if n < largest] + [largest]
    root = Path(tempfile.mkdtemp(prefix="hostmon-growth-"))
    try:
        record(root, largest)
        seconds = [cost(root, size) for size in sizes]
        none, *found = [kept(root, size) for size in (0, *sizes)]
    finally:
        shutil.rmtree(root)
    pages = [one.page - none.page for one in found]
    memory = [
        float(one.anonymous - none.anonymous - page + one.handles + size * DESCRIPTORS)
        for size, one, page in zip(sizes, found, pages, strict=True)
    ]
    figures = {
        "bytes_per_guest": memory[-1],
        "page_per_guest": pages[-1],
        "bytes_per_guest_with_page": memory[-1] + pages[-1],
        "descriptors_per_guest": largest * DESCRIPTORS,
        "handles_per_guest": found[-1].handles,
    }
    return [
        measure("slope_cpu", "", [slope(sizes, seconds)]),
        measure("slope_memory", "", [slope(sizes, memory)]),
        *(measure(name, "bytes", [figure / largest]) for name, figure in figures.items()),
        measure("samples_per_guest", "samples", [found[-1].samples / largest]),
        *(measure(f"cpu_{size}", "s", [one]) for size, one in zip(sizes, seconds, strict=True)),
        *(
            measure(f"memory_{size}", "bytes", [one])
            for size, one in zip(sizes, memory, strict=True)
        ),
    ]
