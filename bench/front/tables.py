"""Guest tables of made-up guests, for benches and tests: two vCPUs, a disk, an interface each."""

import random
from collections.abc import Mapping, Sequence
from uuid import UUID

from hostmon._columns import PERF_NAMES
from hostmon._exposition import COLUMNS
from hostmon._table import GuestTable
from hostmon.facts import DiskFacts, GuestFacts, InterfaceFacts
from tests.native.synthetic import put, set_iothreads, set_job, set_perf, set_vcpus

VCPUS = 2
GIB = 2**30
ELEMENTS = {"guest": 1, "vcpu": VCPUS, "disk": 1, "interface": 1, "job": 1}
TUNED = {"iothread": 1, "perf": 1}
CACHE_MISSES = PERF_NAMES.index("cache_misses")
KEPT = ("state", "reason", "persistent", "autostart", "stuck_since_ns")
"""Columns of a guest whose values are not any number."""

Columns = Mapping[str, Sequence[str]]

NUMBERS: Columns = {
    scope: [
        name
        for name, (_, width, _) in COLUMNS[scope].items()
        if width == 8 and name not in KEPT and not name.startswith("sizes.")
    ]
    for scope in ELEMENTS
}
"""By scope, the columns that may be any number."""

STATE_RUNNING = 1


class MadeUp:
    """A table of ``count`` running guests with every column known, and what describes them.

    With ``tuned`` each has an iothread and a perf event too.
    """

    def __init__(self, count: int, seed: int = 1, job: bool = False, tuned: bool = False) -> None:
        self.random = random.Random(seed)
        self.job = job
        self.tuned = tuned
        self.table = GuestTable()
        self.facts: dict[str, GuestFacts] = {}
        self.uuids: list[bytes] = []
        for number in range(count):
            self.add(f"instance-{number:08x}", number)

    def describe(self, uuid: str) -> GuestFacts | None:
        """A guest's facts."""
        return self.facts.get(uuid)

    def add(self, name: str, number: int, uuid: UUID | None = None) -> bytes:
        """One more guest; its uuid, any without one."""
        uuid = uuid or UUID(int=self.random.getrandbits(128), version=4)
        mac, tap = f"52:54:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}", ""
        tap = f"tap{number:08x}"
        raw = uuid.bytes
        self.facts[str(uuid)] = facts(str(uuid), name, mac, tap)
        self.table.upsert(raw, name.encode())
        self.table.set_state(raw, STATE_RUNNING, 1, number + 1)
        self.table.set_facts(
            raw, vcpus=VCPUS, vcpus_max=VCPUS, memory=4 * GIB, memory_max=4 * GIB,
            persistent=True, autostart=False,
        )  # fmt: skip
        self.table.set_devices(raw, [(b"virtio-disk0", b"vda")], [(mac.encode(), tap.encode())])
        set_vcpus(self.table, raw, VCPUS)
        set_job(self.table, raw, self.job)
        set_iothreads(self.table, raw, [1] if self.tuned else [])
        set_perf(self.table, raw, [CACHE_MISSES] if self.tuned else [])
        self.read(raw)
        self.uuids.append(raw)
        return raw

    def read(self, uuid: bytes, now_ns: int | None = None) -> None:
        """Put a number of 1 to 45 bits into every column of a guest."""
        for scope, elements in {**ELEMENTS, **(TUNED if self.tuned else {})}.items():
            if scope == "job" and not self.job:
                continue
            columns = [
                name
                for name in COLUMNS[scope]
                if scope != "guest" or (name not in KEPT and not name.startswith("sizes."))
            ]
            for which in range(elements):
                values = {name: self.number() for name in columns}
                put(self.table, uuid, scope, which, values, now_ns)

    def number(self) -> int:
        """A number whose length is as random as its digits."""
        return self.random.getrandbits(self.random.randint(1, 45))


def facts(uuid: str, name: str, mac: str, tap: str) -> GuestFacts:
    """What a cloud's guest says of itself."""
    return GuestFacts(
        uuid=uuid, domain=name, os_type="hvm", os_type_arch="x86_64",
        os_type_machine="pc-q35-7.2", instance_name=f"web {name}", instance_id=uuid,
        flavor_name="m1.medium", user_name="operator", user_id=32 * "a",
        project_name="production", project_id=32 * "b",
        disks=(DiskFacts(
            "vda", disk_type="file", target_bus="virtio", driver_name="qemu", driver_type="qcow2",
            driver_cache="none", driver_discard="unmap",
            source_file=f"/var/lib/nova/instances/{uuid}/disk"),),
        interfaces=(InterfaceFacts(mac, tap, "bridge", "br-int", "virtio", "1500"),),
    )  # fmt: skip
