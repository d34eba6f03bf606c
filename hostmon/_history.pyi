"""The ring of the newest events."""

class History:
    address: int
    def __init__(self, epoch: int, host: str, size: int = ...) -> None: ...
    def __len__(self) -> int: ...
    @property
    def dropped(self) -> dict[str, int]: ...
    def replay(
        self,
        after: dict[str, int],
        only_kinds: tuple[str, ...] = (),
        guests: tuple[bytes, ...] = (),
    ) -> tuple[bytes, int, dict[str, int], bool] | None: ...
