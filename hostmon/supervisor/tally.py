"""What a driver has done so far: counts that one thread writes and others read at any time."""

import time

import msgspec


class Tally(msgspec.Struct):
    """Counts of one run; ``busy_since`` is CLOCK_MONOTONIC's nanoseconds, 0 between calls."""

    state: str = "starting"
    handled: int = 0
    errors: int = 0
    lag: float = 0.0
    busy: float = 0.0
    busy_since: int = 0
    detail: str = ""
    blame: str = ""
    addresses: tuple[str, ...] = ()

    def blocked_for(self) -> float:
        """Seconds since the call under way began, 0 between calls."""
        since = self.busy_since
        return (time.monotonic_ns() - since) / 1e9 if since else 0.0
