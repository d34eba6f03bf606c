from hostmon._pipe import EventPipe

class Dispatcher:
    epoch: int
    def __init__(
        self,
        pipe: EventPipe,
        epoch: int,
        host: str,
        zmq_path: bytes,
        heartbeat_ns: int = ...,
    ) -> None: ...
    def run(self, socket: int) -> None: ...
    def stop(self) -> None: ...
    @property
    def sequence_of(self) -> dict[str, int]: ...
    @property
    def count_of(self) -> dict[str, int]: ...
    @property
    def lost_records(self) -> int: ...
