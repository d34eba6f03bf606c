from collections.abc import Sequence
from typing import Self, TypedDict

class Sums(TypedDict):
    vcpus_used: int
    vcpus_held: int
    vcpus_allocated: int
    memory_used: int
    memory_held: int
    memory_allocated: int
    disk_used: int
    disk_allocated: int
    defined: int
    active: int
    held: int
    vcpus_claimed: int
    memory_claimed: int
    disk_claimed: int
    claims: int
    changes: int
    removals: int

# defined, active, held, vcpus, memory, defined vcpus and memory, disk used and capacity, touched
ClaimFields = tuple[bool, bool, bool, int, int, int, int, int, int, int]
Placed = tuple[tuple[tuple[int, ...], int], ...]
# Sums and what is bound, of one moment; a table's snapshot gives them too.
Taken = tuple[Sums, Placed]

class Ledger:
    def __new__(cls, cells: int = 0, pools: int = 1) -> Self: ...
    @property
    def address(self) -> int: ...
    def __len__(self) -> int: ...
    def __contains__(self, uuid: bytes) -> bool: ...
    def define(self, uuid: bytes, vcpus: int, memory: int) -> None: ...
    def undefine(self, uuid: bytes) -> bool: ...
    def take(self, uuid: bytes, vcpus: int, memory: int) -> None: ...
    def hold(self, uuid: bytes) -> bool: ...
    def follow(
        self,
        uuid: bytes,
        *,
        active: bool,
        defined: bool,
        vcpus: int | None = None,
        memory: int | None = None,
        defined_vcpus: int | None = None,
        defined_memory: int | None = None,
    ) -> bool: ...
    def settle(self, uuid: bytes) -> bool: ...
    def adjust(self, uuid: bytes, vcpus: int, memory: int) -> bool: ...
    def heal(
        self,
        uuid: bytes,
        mark: int,
        *,
        active: bool,
        defined: bool,
        vcpus: int,
        memory: int,
        defined_vcpus: int,
        defined_memory: int,
    ) -> bool: ...
    def disk(self, uuid: bytes, used: int, capacity: int) -> bool: ...
    def place(self, uuid: bytes, places: Sequence[tuple[int, int, int, int]]) -> bool: ...
    def pool_of(self, page_size: int) -> int | None: ...
    def sums(self) -> Sums: ...
    def snapshot(self) -> Taken: ...
    def claim(self, uuid: bytes) -> ClaimFields | None: ...
    def claims(self) -> list[tuple[bytes, ClaimFields]]: ...
