"""Arrivals of guests, from a trace: when, how large, for how long."""

import csv
import gzip
import os
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TextIO

GIB = 1 << 30
STEP_S = 300.0
"""The trace tells arrivals and lives by five minutes."""
NAME = "azure_v1_dev.csv.gz"
OWN = Path(__file__).resolve().parents[2] / "tests" / "data" / "scheduler" / "arrivals.csv"


@dataclass(frozen=True)
class Arrival:
    """A guest, in seconds of the trace and bytes; ``behind``: started without any scheduler."""

    at: float
    ends: float
    vcpus: int
    memory: int
    guest: uuid.UUID
    behind: bool = False


def trace_path() -> Path:
    """The corpus that HOSTMON_CORPORA holds, else the project's own small file."""
    path = Path(os.environ.get("HOSTMON_CORPORA", "")) / NAME
    return path if path.is_file() else OWN


def arrivals(path: Path, count: int, seed: int = 1) -> list[Arrival]:
    """The first arrivals of a file, in order of time.

    Those of one step are spread evenly over it; a life is the least that the trace tells, but one
    minute at least. One arrival in ten more comes behind the schedulers' backs, drawn by ``seed``.
    """
    drawn = random.Random(seed)
    found: list[Arrival] = []
    for at, vcpus, memory, life in islice(spread(path), count):
        guest = uuid.UUID(int=drawn.getrandbits(128), version=4)
        found.append(Arrival(at, at + life, vcpus, memory, guest))
        if drawn.random() < 0.1:
            other = uuid.UUID(int=drawn.getrandbits(128), version=4)
            found.append(Arrival(at + 0.01, at + life, vcpus, memory, other, behind=True))
    return found


def spread(path: Path) -> Iterator[tuple[float, int, int, float]]:
    """Time, vCPUs, memory and life of each line."""
    with opened(path) as lines:
        for step, group in groupby(csv.DictReader(lines), lambda line: float(line["t_arrive_s"])):
            same = list(group)
            for number, line in enumerate(same):
                yield (
                    step + STEP_S * number / len(same),
                    int(line["vcpus"]),
                    int(float(line["mem_gib"]) * GIB),
                    max(60.0, float(line["life_lo_s"])),
                )


def opened(path: Path) -> TextIO:
    """A file of text, packed or not."""
    return gzip.open(path, "rt") if path.suffix == ".gz" else path.open()
