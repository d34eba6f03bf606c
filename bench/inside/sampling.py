"""One kernel pass beside libvirt's bulk call for the same fields, inside a lab node.

Each is measured alone, a second after the other, so that neither finds its caches warm. CPU is
that of the caller, of libvirtd and of every QEMU together, from each thread's schedstat, less what
these use anyway in as much time; vCPU threads, which libvirt's call wakes as well, are not counted.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import libvirt

from bench.inside.guests import fill
from hostmon._sampler import FAST, Sampler
from hostmon._table import GuestTable, Snapshot
from hostmon.machine.cgroups import host_mounts
from hostmon.samples import Guest

FIELDS = (
    libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    | libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_INTERFACE
)
TICK_NS = 10_000_000
SETTLE_S = 1.0
WATCHED = ("libvirtd", "qemu-system-")


def watched() -> list[Path]:
    """schedstat of libvirtd's and QEMU's threads; looking for them is not measured.

    vCPU threads are left out: what the guests themselves compute would drown the rest.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if not (process / "comm").read_text().startswith(WATCHED):
                continue
            found += [
                task / "schedstat"
                for task in process.glob("task/*")
                if not (task / "comm").read_text().startswith("CPU ")
            ]
        except OSError:
            continue
    return found


def used(threads: list[Path]) -> int:
    """ns of CPU that these threads have used."""
    total = 0
    for thread in threads:
        try:
            total += int(thread.read_text().split()[0])
        except OSError:
            continue
    return total


def cost(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall time and CPU of one call, in seconds."""
    time.sleep(SETTLE_S)
    threads = watched()
    began, before = time.monotonic_ns(), used(threads)
    time.sleep(SETTLE_S / 2)
    rate = (used(threads) - before) / (time.monotonic_ns() - began)
    others, own, wall = used(threads), time.thread_time_ns(), time.monotonic_ns()
    work()
    wall, own = time.monotonic_ns() - wall, time.thread_time_ns() - own
    # The threads' clocks are read a moment after the call: what they use anyway is taken off.
    after = time.monotonic_ns()
    others = used(threads) - others
    spent = wall + (time.monotonic_ns() - after)
    return wall / 1e9, (own + max(0, others - rate * spent)) / 1e9


def kernel_values(guest: Guest) -> dict[str, int | None]:
    """Our columns under libvirt's names and in its units."""
    values: dict[str, int | None] = {
        "cpu.time": guest.cpu.time_ns,
        "cpu.user": guest.cpu.user_ns,
        "cpu.system": guest.cpu.system_ns,
        "balloon.rss": None if guest.memory.rss is None else guest.memory.rss >> 10,
    }
    for vcpu in guest.vcpus:
        values[f"vcpu.{vcpu.number}.time"] = vcpu.run_ns
        values[f"vcpu.{vcpu.number}.delay"] = vcpu.delay_ns
    for nic in guest.interfaces:
        for way in ("rx", "tx"):
            for name, column in [("bytes", "bytes"), ("pkts", "packets"), ("errs", "errors"),
                                 ("drop", "drops")]:  # fmt: skip
                values[f"net.{nic.target.decode()}.{way}.{name}"] = getattr(nic, f"{way}_{column}")
    return values


def libvirt_values(record: dict[str, Any]) -> dict[str, int]:
    """Its fields, interfaces under their names."""
    names = {key[:-5]: text for key, text in record.items() if key.endswith(".name")}
    return {
        (f"net.{names[prefix]}{key[len(prefix) :]}" if prefix in names else key): value
        for key, value in record.items()
        for prefix in [".".join(key.split(".")[:2])]
        if isinstance(value, int)
    }


class Bracket:
    """Passes made while libvirt is asked: its values must lie between the least and greatest."""

    def __init__(self, sampler: Sampler, table: GuestTable) -> None:
        self._sampler = sampler
        self._table = table
        self._done = threading.Event()
        self._taken: list[Snapshot] = []
        self._thread = threading.Thread(target=self._run)

    def _pass(self) -> None:
        self._sampler.sample(FAST)
        self._taken.append(self._table.snapshot())

    def _run(self) -> None:
        while not self._done.wait(0.01):
            self._pass()

    def __enter__(self) -> Self:
        self._pass()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._pass()

    def of(self, uuid: bytes) -> dict[str, tuple[int, int] | None]:
        """Least and greatest of each value that every pass has; None for one that is missing."""
        passes = [kernel_values(taken.guest(uuid)) for taken in self._taken]
        found: dict[str, tuple[int, int] | None] = {}
        for name in passes[0]:
            values = [values.get(name) for values in passes]
            known = [value for value in values if value is not None]
            found[name] = (min(known), max(known)) if len(known) == len(values) else None
        return found


def differences(
    bracket: Bracket, records: list[tuple[libvirt.virDomain, dict[str, Any]]]
) -> Iterator[tuple[str | None, bool]]:
    """For each value compared: what is wrong with it or None, and whether it is over one tick off.

    libvirt has a vCPU's time as the sum of two figures, user and system, each cut off to ticks of
    10 ms: up to one tick each may be missing from it.
    """
    for domain, record in records:
        if not domain.isActive():
            continue
        theirs = libvirt_values(record)
        for name, between in bracket.of(domain.UUID()).items():
            if name not in theirs:
                continue
            if between is None:
                yield f"{domain.name()} {name}: not read", False
                continue
            low, high = between
            ticks = name.endswith(".time") and name.startswith("vcpu.")
            off = max(low - theirs[name], theirs[name] - high, 0)
            wrong = off > (2 * TICK_NS if ticks else 0)
            text = f"{domain.name()} {name}: {theirs[name]} not in {low}..{high}"
            yield text if wrong else None, ticks and off > TICK_NS


def main(rounds: int) -> None:
    connection = libvirt.openReadOnly("qemu:///system")
    table = fill(connection)
    sampler = Sampler(table, mounts=host_mounts())
    sampler.sample()
    ours, theirs, wrong, compared, over = [], [], [], 0, 0
    for turn in range(rounds + 1):
        mine = cost(lambda: sampler.sample(FAST))
        other = cost(lambda: connection.getAllDomainStats(FIELDS))
        with Bracket(sampler, table) as bracket:
            records = connection.getAllDomainStats(FIELDS)
        seen = list(differences(bracket, records))
        compared += len(seen)
        wrong += [text for text, _ in seen if text]
        over += sum(over_one for _, over_one in seen)
        if turn:  # the first round warms up
            ours.append(mine)
            theirs.append(other)
    running = sum(domain.isActive() for domain in connection.listAllDomains())
    found = {
        "ours": ours,
        "theirs": theirs,
        "compared": compared,
        "wrong": wrong,
        "over_one_tick": over,
        "running": running,
        "missing": sampler.unresolved,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
