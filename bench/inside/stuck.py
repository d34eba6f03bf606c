"""Scrapes and readings while one guest's QEMU is stopped, inside a lab node.

Commands come line by line on standard input, each answered by one JSON line: ``watch SECONDS``
measures for so long, ``fresh NAME DEADLINE`` waits until a guest's disks were read anew.
"""

import json
import sys
import time
from typing import Any

import libvirt

from bench.front.turns import percentile
from bench.inside.guests import fill
from hostmon._sampler import Sampler
from hostmon._table import GuestTable
from hostmon.hypervisor import hypervisor_of
from hostmon.machine.cgroups import host_mounts
from hostmon.sampler import KernelSampler
from hostmon.samples import Group, Guest
from hostmon.settings import AgentSettings, Settings
from hostmon.stats import StatsSampler

URI = "qemu:///system"
SETTINGS = Settings(
    agent=AgentSettings(uri=URI),
    virt={"libvirt": {"cadences": {"block": 2.0, "balloon": 2.0, "job": 2.0, "interface": 2.0}}},
)
EVERY_S = 0.05


def age(guest: Guest, now_ns: int) -> float:
    """Seconds since the guest's disks were last known."""
    return (now_ns - guest.valid.get(Group.BLOCK, 0)) / 1e9


def watch(table: GuestTable, kernel: KernelSampler, seconds: float) -> dict[str, Any]:
    """Fresh passes as a scrape asks for them, and the oldest block figures of every guest."""
    waits: list[float] = []
    oldest: dict[str, float] = {}
    late = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        late += not kernel.fresh()
        snapshot = table.snapshot()
        waits.append(time.monotonic() - began)
        for uuid in snapshot.uuids:
            guest = snapshot.guest(uuid)
            if guest.id >= 0:
                name = guest.name.decode()
                oldest[name] = max(oldest.get(name, 0), age(guest, snapshot.taken_ns))
        time.sleep(EVERY_S)
    return {
        "p99": percentile(waits, 99), "late": late, "oldest": oldest,
        "stuck": [n for n in oldest if is_stuck(table, n)],
    }  # fmt: skip


def named(table: GuestTable, name: str) -> Guest:
    snapshot = table.snapshot()
    guests = (snapshot.guest(uuid) for uuid in snapshot.uuids)
    return next(guest for guest in guests if guest.name.decode() == name)


def is_stuck(table: GuestTable, name: str) -> bool:
    return named(table, name).stuck_since_ns > 0


def fresh(table: GuestTable, name: str, deadline: float) -> dict[str, Any]:
    """Seconds until the guest was asked and answered again; None when it was not in time."""
    began = time.monotonic()
    while time.monotonic() < began + deadline:
        guest = named(table, name)
        if guest.stuck_since_ns == 0 and guest.valid.get(Group.BLOCK, 0) / 1e9 > began:
            return {"seconds": time.monotonic() - began}
        time.sleep(0.01)
    return {"seconds": None}


def main() -> None:
    libvirt.registerErrorHandler(lambda *_: None, None)
    table = fill(libvirt.openReadOnly(URI))
    kernel = KernelSampler(Sampler(table, mounts=host_mounts()), table, interval=2.0)
    hypervisor = hypervisor_of(SETTINGS, table)
    asker = StatsSampler(hypervisor.connect, hypervisor.readings, table, look=kernel.fresh)
    kernel.start()
    asker.start()
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "watch":
            answer = watch(table, kernel, float(arguments[0]))
        else:
            answer = fresh(table, arguments[0], float(arguments[1]))
        print(json.dumps(answer), flush=True)
    asker.stop()
    kernel.stop()


if __name__ == "__main__":
    main()
