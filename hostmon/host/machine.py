"""The machine as libvirt knows it: processors, memory, and how much of them guests have taken.

Sizes are bytes. Reads nothing itself: what a connection to another host says is that host's.
"""

from contextlib import suppress

import libvirt
import msgspec

from hostmon.errors import GuestNotFoundError
from hostmon.guest import GuestFacts
from hostmon.host.capabilities import HostCapabilities
from hostmon.host.guests import HostGuests
from hostmon.libvirt_errors import translated
from hostmon.machine.nodeinfo import NodeInfo, from_libvirt
from hostmon.xml.cpu import Cpu, Topology


class Memory(msgspec.Struct, frozen=True):
    """The host's memory; ``free`` counts what the kernel would give up (buffers, page cache)."""

    total: int
    free: int

    @property
    def used(self) -> int:
        """What is not free."""
        return self.total - self.free


class CpuInfo(msgspec.Struct, frozen=True):
    """The processor that guests can rely on; the topology is that of one NUMA cell.

    ``features`` are those that the model does not have by itself.
    """

    arch: str
    model: str
    vendor: str
    sockets: int
    dies: int
    cores: int
    threads: int
    cells: int
    features: tuple[str, ...]


class HostMachine(HostGuests, HostCapabilities):
    """The part of Host that is about the machine."""

    @property
    @translated("host's name")
    def hostname(self) -> str:
        """The host's name, as libvirt knows it."""
        return str(self.connection.getHostname())

    @translated("host's processors and memory")
    def node_info(self) -> NodeInfo:
        """libvirt's eight numbers of a host (virNodeGetInfo); topology() tells more, and better."""
        return from_libvirt(self.connection.getInfo())

    def vcpus_total(self) -> int:
        """The processors that are online: what there is to give to vCPUs."""
        return self.node_info().cpus

    def vcpus_used(self) -> int:
        """The vCPUs of all running guests together; asks libvirt of each guest, QEMU never."""
        return sum(facts.vcpus for facts in self._running())

    def _running(self) -> list[GuestFacts]:
        """What the running guests have been given."""
        found = []
        for guest in self.list_guests(only_running=True):
            # It may stop, and vanish, between the listing and the question.
            with suppress(GuestNotFoundError):
                found.append(guest.facts())
        return found

    @translated("host's memory")
    def memory(self) -> Memory:
        """The host's memory, both numbers from one source.

        From virNodeGetMemoryStats where there is one: virNodeGetInfo counts another total, which
        can be less than a third of what is used. Elsewhere virNodeGetInfo's total, of which the
        running guests' own memory is taken.
        """
        try:
            found = self.connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS, 0)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
                raise
            total = self.node_info().memory
            return Memory(total, total - sum(facts.memory for facts in self._running()))
        free = sum(found.get(name, 0) for name in ("free", "buffers", "cached"))
        return Memory(found["total"] * 1024, free * 1024)

    def memory_total(self) -> int:
        """The host's memory."""
        return self.memory().total

    def memory_used(self) -> int:
        """What of it is in use, by guests and everything else."""
        return self.memory().used

    @translated("host's free memory")
    def cells_free_memory(self) -> tuple[int, ...]:
        """What is free in each NUMA cell, without caches (virNodeGetCellsFreeMemory).

        By position among the topology's cells; empty where the driver tells no cells.
        """
        cells = len(self.topology().cells)
        return tuple(self.connection.getCellsFreeMemory(0, cells)) if cells else ()

    @translated("host's processors")
    def online_cpus(self) -> tuple[int, ...]:
        """The numbers of the processors that are online (virNodeGetCPUMap)."""
        _, online, _ = self.connection.getCPUMap(0)
        return tuple(cpu for cpu, on in enumerate(online) if on)

    @translated("host's processor times")
    def cpu_times(self, cpu: int = libvirt.VIR_NODE_CPU_STATS_ALL_CPUS) -> dict[str, int]:
        """Nanoseconds since boot by use (user, kernel, idle, iowait); of all processors, or one."""
        return {name: int(value) for name, value in self.connection.getCPUStats(cpu, 0).items()}

    def cpu_info(self) -> CpuInfo:
        """The processor, from the capabilities; empty where this driver tells nothing of one."""
        host = self.capabilities().host
        cpu = (host and host.cpu) or Cpu()
        topology = cpu.topology or Topology()
        info = self.node_info()
        return CpuInfo(
            arch=cpu.arch or info.model,
            model=(cpu.model and cpu.model.name) or "",
            vendor=cpu.vendor or "",
            sockets=topology.sockets or info.sockets,
            dies=topology.dies or 1,
            cores=topology.cores or info.cores,
            threads=topology.threads or info.threads,
            cells=info.nodes,
            features=tuple(str(one.name) for one in cpu.features),
        )
