"""When a failed driver is started again, and when no more."""

import random

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: ``first`` doubles up to ``longest``; a run of ``calm`` forgets earlier failures.

    After ``failures`` in a row the driver is quarantined.
    """

    first: float = 0.5
    longest: float = 30.0
    calm: float = 60.0
    failures: int = 5

    def delay(self, failed: int) -> float:
        """How long to wait after that many failures, with jitter so that drivers spread."""
        wait: float = min(self.longest, self.first * 2.0 ** (failed - 1))
        return wait * random.uniform(0.8, 1.2)
