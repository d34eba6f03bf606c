"""One fake guest: its state and sizes, its counters, and the XML that tells of it."""

import time
import uuid as uuidlib
from xml.sax.saxutils import escape

import msgspec

from hostmon import kinds
from hostmon.driver.sinks import DiskStats, GuestStats, InterfaceStats, VcpuStats
from hostmon.driver.virt import GuestDescription

SHARE = 0.25
"""Of each vCPU's time that a running guest uses."""
BLOCK = 4096
PACKET = 512

DOMAIN = """<domain type='test'>
  <name>{name}</name><uuid>{uuid}</uuid>
  <memory unit='KiB'>{memory_max}</memory><currentMemory unit='KiB'>{memory}</currentMemory>
  <vcpu>{vcpus}</vcpu>
  <os><type>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <source file='/fake/{name}.qcow2'/><target dev='vda'/>
    </disk>
    <interface type='bridge'>
      <mac address='{mac}'/><source bridge='fake0'/><target dev='{tap}'/>
    </interface>
  </devices>
</domain>"""


class FakeGuest(msgspec.Struct, kw_only=True):
    """Sizes in bytes; ``next_`` are those of the next start; ``ran_ns`` before the latest pause."""

    uuid: uuidlib.UUID
    name: str
    vcpus: int = 1
    memory: int = 0
    memory_max: int = 0
    next_vcpus: int = 1
    next_memory: int = 0
    id: int = -1
    state: int = kinds.STATE_SHUTOFF
    reason: int = 0
    ran_ns: int = 0
    since_ns: int = 0

    def boot(self, number: int) -> None:
        """Begin to run under this number."""
        self.id = number
        self.vcpus, self.memory = self.next_vcpus, self.next_memory
        self.memory_max = self.memory
        self.ran_ns = 0
        self.become(kinds.STATE_RUNNING, 1)

    def become(self, state: int, reason: int) -> None:
        """Another state; time runs while it is running."""
        self.ran_ns = self.running_ns()
        self.since_ns = time.monotonic_ns()
        self.state, self.reason = state, reason

    def halt(self, state: int, reason: int) -> None:
        """No process any more."""
        self.become(state, reason)
        self.id = -1

    def running_ns(self) -> int:
        """How long it has run since its start."""
        if self.state != kinds.STATE_RUNNING:
            return self.ran_ns
        return self.ran_ns + time.monotonic_ns() - self.since_ns

    def describe(self) -> GuestDescription:
        """As a hypervisor tells of it."""
        live = self.id >= 0
        return GuestDescription(
            uuid=self.uuid,
            name=self.name,
            id=self.id,
            state=self.state,
            reason=self.reason,
            vcpus=self.vcpus,
            memory=self.memory,
            memory_max=self.memory_max if live else self.next_memory,
            cpu_time_ns=int(self.running_ns() * SHARE * self.vcpus) if live else 0,
            live=self._xml(self.vcpus, self.memory, self.memory_max) if live else None,
            config=self._xml(self.next_vcpus, self.next_memory, self.next_memory),
        )

    def _xml(self, vcpus: int, memory: int, memory_max: int) -> str:
        return DOMAIN.format(
            name=escape(self.name),
            uuid=self.uuid,
            vcpus=vcpus,
            memory=memory // 1024,
            memory_max=memory_max // 1024,
            mac=self._mac(),
            tap=self._tap(),
        )

    def _mac(self) -> str:
        return "52:54:00:" + ":".join(f"{byte:02x}" for byte in self.uuid.bytes[:3])

    def _tap(self) -> str:
        return f"tap{self.uuid.hex[:8]}"

    def statistics(self) -> GuestStats:
        """Counters that grow while it runs."""
        ran = self.running_ns()
        units = ran // 10**7
        return GuestStats(
            uuid=self.uuid,
            cpu_time_ns=int(ran * SHARE * self.vcpus),
            memory=self.memory,
            memory_unused=self.memory // 2,
            memory_rss=self.memory // 2,
            vcpus=tuple(VcpuStats(number, int(ran * SHARE)) for number in range(self.vcpus)),
            disks=(
                DiskStats(
                    target="vda",
                    read_requests=units,
                    read_bytes=units * BLOCK,
                    write_requests=units // 2,
                    write_bytes=units // 2 * BLOCK,
                ),
            ),
            interfaces=(
                InterfaceStats(
                    target=self._tap(),
                    rx_bytes=units * PACKET,
                    rx_packets=units,
                    tx_bytes=units * PACKET,
                    tx_packets=units,
                ),
            ),
        )
