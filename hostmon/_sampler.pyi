"""The kernel sampler."""

from collections.abc import Mapping

from hostmon._deaths import DeathWatch
from hostmon._table import GuestTable

FAST: int
SHOWN: int
ALL: int

class Sampler:
    passes: int
    memory_failures: int
    unresolved: int
    cannot_tell: bool
    barred: int
    denied_groups: list[int]
    memory: int
    def __init__(
        self,
        table: GuestTable,
        deaths: DeathWatch | None = None,
        *,
        proc: str = "/proc",
        run: str = "/run/libvirt/qemu",
        net: str = "/sys/class/net",
        mounts: Mapping[str, str | None],
        pressure: bool = True,
    ) -> None: ...
    def sample(self, depth: int = ...) -> int: ...
    def discover(self) -> None: ...
    def take_changes(self) -> list[bytes]: ...
