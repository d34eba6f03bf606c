"""The libvirt sampler's plan."""

from hostmon._table import GuestTable

class Plan:
    confirmed: int
    stuck: int
    def __init__(self, table: GuestTable) -> None: ...
    def due(
        self,
        kind: int,
        now: int,
        since: int,
        *,
        confirms: int = 0,
        without: int = 0,
    ) -> list[bytes]: ...
    def ask_again(self, uuid: bytes, kind: int) -> None: ...
    def mark_stuck(self, uuid: bytes, since: int, now: int, first: int, longest: int) -> None: ...
    def probes(self, now: int) -> list[bytes]: ...
    def answered(self, uuid: bytes) -> None: ...
