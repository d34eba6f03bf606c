"""Calls to libvirt for statistics."""

from collections.abc import Mapping

import libvirt

from hostmon._table import GuestTable

PERF_NAMES: tuple[str, ...]

class Stats:
    late: int
    unknown: int
    connection: libvirt.virConnect
    def __init__(
        self, table: GuestTable, connection: libvirt.virConnect, *, kernel: bool = True
    ) -> None: ...
    def close(self) -> None: ...
    def read(self, uuids: list[bytes], groups: int) -> int: ...
    def control(self, uuid: bytes) -> tuple[int, float] | None: ...
    def job(self, uuid: bytes) -> bool: ...
    def tune(self, uuid: bytes) -> int: ...

def absorb(
    table: GuestTable,
    uuid: bytes,
    values: Mapping[str, int | float | bool | bytes | None],
    now: int,
    *,
    kernel: bool = False,
) -> int: ...
