from hostmon._ledger import Ledger

# state, guest, vcpus, memory, disk, pool, expires_ns
GrantFields = tuple[int, bytes | None, int, int, int, int, int]

class Grants:
    def __init__(self, ledger: Ledger) -> None: ...
    def grant(
        self,
        key: bytes,
        guest: bytes | None,
        vcpus: int,
        memory: int,
        disk: int,
        pool: int,
        expires_ns: int,
        now_ns: int,
        room: tuple[int, int, int, int, int, int, int],
        owner: int = 0,
    ) -> tuple[int, int]: ...
    def release(self, key: bytes) -> bool: ...
    def expire(self, now_ns: int) -> None: ...
    def granted(self, key: bytes) -> GrantFields | None: ...
    @property
    def unsized(self) -> int: ...
    @property
    def counts(self) -> tuple[int, int, int, int, int]: ...
    def pages(self) -> tuple[int, ...]: ...
