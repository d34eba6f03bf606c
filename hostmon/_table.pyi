"""The guest table's owner, and the snapshots it gives out."""

from hostmon._ledger import Ledger, Taken
from hostmon.samples import Guest

PRESENCES: tuple[str, ...]

class GuestTable:
    address: int
    memory: int
    passed_over: tuple[int, int]
    def __len__(self) -> int: ...
    def snapshot(self, ledger: Ledger | None = None) -> Snapshot: ...
    def counts(self) -> tuple[int, int, int]: ...
    def ring_on_runs(self, fd: int) -> None: ...
    def name(self, uuid: bytes) -> bytes | None: ...
    def upsert(self, uuid: bytes, name: bytes) -> int: ...
    def retire(self, uuid: bytes) -> bool: ...
    def set_state(self, uuid: bytes, state: int, reason: int, id: int) -> bool: ...  # noqa: A002
    def set_presence(self, uuid: bytes, presence: str) -> bool: ...
    def mark_all_unknown(self) -> None: ...
    def set_sequence(self, which: int, sequence: int) -> None: ...
    def set_facts(
        self,
        uuid: bytes,
        *,
        vcpus: int,
        vcpus_max: int,
        memory: int,
        memory_max: int,
        persistent: bool,
        autostart: bool,
        now_ns: int = 0,
    ) -> bool: ...
    def set_devices(
        self,
        uuid: bytes,
        disks: list[tuple[bytes, bytes]],
        interfaces: list[tuple[bytes, bytes]],
    ) -> bool: ...
    def set_disk_sizes(
        self,
        uuid: bytes,
        target: bytes,
        sizes: tuple[int | None, int | None, int | None],
        now_ns: int = 0,
    ) -> bool: ...
    def disk_capacity(self, uuid: bytes, target: bytes) -> int | None: ...
    def definition_changed(self, uuid: bytes) -> bool: ...

class Snapshot:
    address: int
    taken_ns: int
    sequence: int
    sequences: tuple[int, ...]
    uuids: tuple[bytes, ...]
    account: Taken | None
    def __len__(self) -> int: ...
    def guest(self, uuid: bytes) -> Guest: ...
