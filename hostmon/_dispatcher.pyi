from hostmon._history import History
from hostmon._ledger import Ledger
from hostmon._pipe import EventPipe
from hostmon._table import GuestTable

class Dispatcher:
    epoch: int
    compared: int
    turned_ns: int
    lost_records: int
    wanted_fd: int
    host: str
    history: History
    ledger: Ledger
    def __init__(
        self,
        pipe: EventPipe,
        table: GuestTable,
        epoch: int,
        host: str,
        zmq_path: bytes,
        heartbeat_ns: int = ...,
        *,
        reboot_window_ns: int = ...,
        ring_size: int = ...,
        ledger: Ledger | None = None,
    ) -> None: ...
    def run(self, socket: int) -> bool: ...
    def stop(self) -> None: ...
    def interrupt(self) -> None: ...
    def wake(self) -> None: ...
    @property
    def sequence_of(self) -> dict[str, int]: ...
    @property
    def count_of(self) -> dict[str, int]: ...
    @property
    def tally_of(self) -> tuple[list[int], list[int], int, int]: ...
    @property
    def open_stops(self) -> int: ...
    def take_wanted(self) -> list[bytes] | None: ...
    @property
    def current(self) -> bool: ...
    @property
    def abuse(self) -> tuple[int, int]: ...
