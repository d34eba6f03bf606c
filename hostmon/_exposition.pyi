"""Renders the guests' part of a metric page from a snapshot of the guest table."""

from collections.abc import Callable, Sequence

from hostmon._table import Snapshot

COLUMNS: dict[str, dict[str, tuple[int, int, int]]]
FORMS: dict[str, int]
SCOPES: tuple[str, ...]

Device = tuple[bytes, bytes]
Build = Callable[
    [bytes, bytes, list[int], list[Device], list[Device], bool, list[int], list[int]],
    Sequence[Sequence[bytes | None]],
]
Family = tuple[bytes, tuple[bytes, bytes], str, str, str, bool, bool, str]

class Piece:
    """One family of a page, as a buffer that stays as it is for as long as it is kept."""

    mark: tuple[object, int, int]
    def __buffer__(self, flags: int, /) -> memoryview: ...

class Renderer:
    """The plan of one profile, its guests' label texts and the families' lines."""

    boot_ticks: int
    def __init__(self, families: Sequence[Family], build: Build) -> None: ...
    @property
    def count(self) -> int: ...
    @property
    def memory(self) -> int: ...
    def keep(self, group: int, ns: int) -> None: ...
    def refresh(self, snapshot: Snapshot) -> int: ...
    def render(self, snapshot: Snapshot, openmetrics: int, wanted: bytes) -> list[Piece]: ...
