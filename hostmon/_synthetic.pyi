"""Puts made-up counters into a guest table, for benches and tests alone."""

from collections.abc import Mapping, Sequence

from hostmon._table import GuestTable

def put(
    table: GuestTable,
    uuid: bytes,
    scope: str,
    which: int,
    values: Mapping[str, int],
    now_ns: int | None = None,
) -> None: ...
def set_vcpus(table: GuestTable, uuid: bytes, count: int) -> None: ...
def set_job(table: GuestTable, uuid: bytes, running: bool) -> None: ...
def move(table: GuestTable, columns: Mapping[str, Sequence[str]], part: int, seed: int) -> None: ...
