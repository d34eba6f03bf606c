"""The time in which those come first who held claims of an agent's former run.

Owns how much of it is left: it runs only while they could be granted what they held.
"""

import time
from collections.abc import Callable

SECOND = 1_000_000_000
LOOK_S = 0.25


class Grace:
    """``seconds`` in which ``may_grant`` was true, by looks at most LOOK_S apart.

    What lies between two looks counts if both found it true, and as LOOK_S at most.
    """

    def __init__(
        self,
        seconds: float,
        may_grant: Callable[[], bool],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.left = seconds
        self._may_grant = may_grant
        self._clock = clock
        self._seen_ns = 0

    def look(self) -> float:
        """Seconds that are left now; raises what ``may_grant`` raises, as if it were false."""
        if self.left <= 0:
            return 0.0
        now = self._clock()
        seen_ns, self._seen_ns = self._seen_ns, 0  # so it stays if asking raises
        if not self._may_grant():
            return self.left
        if seen_ns:
            self.left -= min((now - seen_ns) / SECOND, LOOK_S)
        self._seen_ns = now
        return max(0.0, self.left)
