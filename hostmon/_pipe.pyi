PIPE_SIZE: int

class EventPipe:
    def __init__(self, queue_size: int = ..., pipe_size: int = ...) -> None: ...
    @property
    def address(self) -> int: ...
    def ring(self) -> None: ...
    @property
    def written(self) -> int: ...
    @property
    def queued(self) -> int: ...
    @property
    def lost(self) -> int: ...
    def put(self, record: bytes) -> bool: ...

def record(
    kind: int,
    *,
    uuid: bytes = b"",
    name: bytes = b"",
    fields: int = 0,
    body: bytes = b"",
    event: int = -1,
    detail: int = -1,
    id: int = -1,  # noqa: A002
    origin: int = 0,
    truncated: bool = False,
    monotonic: int | None = None,
) -> bytes: ...
