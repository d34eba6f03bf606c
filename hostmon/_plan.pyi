"""The libvirt sampler's plan."""

from hostmon._table import GuestTable

ASK_IDLE: int
CONFIRM_IDLE: int
SPARE_IDLE: int

class Plan:
    confirmed: int
    stuck: int
    def __init__(self, table: GuestTable) -> None: ...
    def due(
        self,
        kind: int,
        now: int,
        cadence: int,
        *,
        idle: int = 0,
        without: int = 0,
    ) -> list[bytes]: ...
    def ask_again(self, uuid: bytes, kind: int) -> None: ...
    def mark_stuck(self, uuid: bytes, since: int, now: int, first: int, longest: int) -> None: ...
    def probes(self, now: int) -> list[bytes]: ...
    def answered(self, uuid: bytes) -> None: ...
