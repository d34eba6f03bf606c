"""When this machine booted, from which the kernel counts when processes began."""

import time
from collections.abc import Callable

TICKS_PER_S = 100
"""Of the times in /proc; USER_HZ is 100 wherever hostmon runs."""

SECOND_NS = 1_000_000_000


class BootTime:
    """When the host booted, by its clocks as they are now.

    The same as btime of proc(5)'s /proc/stat, in whole seconds as there, for two system calls and
    not a look at every processor. It follows a clock that was set, and stands still otherwise: two
    readings a moment apart differ by that moment.
    """

    def __init__(self, clock_ns: Callable[[int], int] = time.clock_gettime_ns) -> None:
        self._clock_ns = clock_ns
        self._ns = self._told()

    def ticks(self) -> int:
        """In 10 ms ticks since 1970."""
        told = self._told()
        if abs(told - self._ns) > SECOND_NS:
            self._ns = told
        return self._ns // SECOND_NS * TICKS_PER_S

    def _told(self) -> int:
        """What the clocks say, ns."""
        return self._clock_ns(time.CLOCK_REALTIME) - self._clock_ns(time.CLOCK_BOOTTIME)
