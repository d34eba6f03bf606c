"""Statistics from Python into columns."""

from collections.abc import Mapping

from hostmon._table import GuestTable

PERF_NAMES: tuple[str, ...]

def absorb(
    table: GuestTable,
    uuid: bytes,
    values: Mapping[str, int | float | bool | bytes | None],
    now: int,
    *,
    kernel: bool = False,
) -> int: ...
