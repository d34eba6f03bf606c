"""Makes up what no hypervisor gives: counters in a guest table, and floods of events."""

from collections.abc import Mapping, Sequence

from hostmon._pipe import EventPipe
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
def put_repeatedly(pipe: EventPipe, record: bytes, count: int) -> int: ...
