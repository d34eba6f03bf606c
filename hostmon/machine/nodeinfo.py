"""The eight numbers by which libvirt sums up a host, counted from sysfs as libvirt counts them.

They must equal virNodeGetInfo's, oddities included, since schedulers compare them. Where the shape
does not fit nodes x sockets x cores x threads they are one socket of as many cores as processors;
:mod:`hostmon.machine.topology` tells the truth.
Source: libvirt's documentation of virNodeInfo; behaviour of libvirt 9.0 on recorded hosts.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hostmon.machine.cpuinfo import read_processor
from hostmon.machine.files import HERE, Roots, numbered
from hostmon.machine.memory import read_meminfo
from hostmon.machine.sysfs import read_cpu, read_online, read_present


class NodeInfo(msgspec.Struct, frozen=True):
    """virNodeInfo; memory in bytes. ``sockets`` is per node, ``cores`` per socket."""

    model: str
    memory: int
    cpus: int
    mhz: int
    nodes: int
    sockets: int
    cores: int
    threads: int

    @property
    def maximum(self) -> int:
        """Processors, offline ones included (VIR_NODEINFO_MAXCPUS)."""
        return self.nodes * self.sockets * self.cores * self.threads


class Count(msgspec.Struct, frozen=True):
    """What one node, or the whole host, adds up to."""

    cpus: int
    offline: int
    sockets: int
    cores: int
    threads: int


def from_libvirt(info: Sequence[str | int]) -> NodeInfo:
    """What libvirt-python's getInfo() returns: memory comes in MiB."""
    model, memory, *numbers = info
    cpus, mhz, nodes, sockets, cores, threads = (int(number) for number in numbers)
    return NodeInfo(str(model), int(memory) << 20, cpus, mhz, nodes, sockets, cores, threads)


def read_nodeinfo(
    roots: Roots = HERE,
    arch: str = os.uname().machine,
    threads_per_subcore: int = 0,
    cpuinfo: Path | None = None,
) -> NodeInfo:
    """The numbers of a host. Without any processor all counts are 0.

    ``threads_per_subcore`` is KVM_CAP_PPC_SMT on POWER, 0 elsewhere: there the secondary threads of
    a core are offline on the host and run in guests only.
    """
    online, present = set(read_online(roots)), read_present(roots)
    if any(cpu % threads_per_subcore for cpu in online) if threads_per_subcore else False:
        threads_per_subcore = 0  # a secondary thread is online: no such split is in force
    nodes = numbered(roots.system / "node", "node")
    members = [
        set(numbered(roots.system / f"node/node{node}", "cpu")).intersection(present)
        for node in nodes
    ]
    counts = [count(roots, arch, cpus, online, threads_per_subcore) for cpus in members]
    if not any(one.cpus for one in counts):
        counts = [count(roots, arch, set(present), online, threads_per_subcore)]
    total = sum(one.cpus for one in counts)
    offline = sum(one.offline for one in counts)
    shape = (
        len(counts),
        max(one.sockets for one in counts),
        max(one.cores for one in counts),
        max(one.threads for one in counts),
    )
    if shape[0] * shape[1] * shape[2] * shape[3] != total + offline:
        shape = (1, 1, total + offline, 1)
    processor = read_processor(cpuinfo or roots.proc / "cpuinfo", arch)
    return NodeInfo(
        arch,
        read_meminfo(roots.proc / "meminfo").get("MemTotal", 0),
        total,
        processor.mhz,
        *shape,
    )


def count(roots: Roots, arch: str, members: set[int], online: set[int], per_subcore: int) -> Count:
    """Add up some processors: cores are the most that a socket has, threads the most of a core."""
    cpus = offline = threads = 0
    cores: dict[int, set[int]] = {}
    for number in sorted(members):
        if number not in online:
            primary = number - number % per_subcore if per_subcore else number
            if primary != number and primary in online:
                cpus += 1
            else:
                offline += 1
            continue
        cpus += 1
        cpu = read_cpu(roots, number)
        # On s390 a logical processor counts as a core.
        cores.setdefault(cpu.socket, set()).add(number if arch.startswith("s390") else cpu.core)
        threads = max(threads, len(cpu.siblings))
    return Count(
        cpus,
        offline,
        sockets=len(cores),
        cores=max(map(len, cores.values()), default=0),
        threads=threads * (per_subcore or 1),
    )
