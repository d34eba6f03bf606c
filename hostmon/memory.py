"""What a process gives back: once it has started and will run for long, and after a flood."""

import gc
import logging
import resource
from collections.abc import Callable
from pathlib import Path

from hostmon._trim import bound_heap, heap_free, heap_used, trim, trim_heap

log = logging.getLogger(__name__)

GROWN = 4 << 20


def settle() -> None:
    """Give up what only starting needed; what was imported and wired is taken to live for good.

    The garbage collector does not walk that again, and what a flood leaves free goes back sooner.
    It is the whole process that this is done to: a command calls it, a part of one does not.
    """
    bound_heap()
    gc.collect()
    gc.freeze()
    trim()


def anonymous() -> int:
    """Resident bytes of this process that are no file's (proc(5), statm)."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(resident) - int(shared)) * resource.getpagesize()


class Thrift:
    """Gives free pages of the heap back, each time that GROWN bytes of it have become free.

    What waited for a subscriber that lagged is freed when that one is dropped, but the allocator
    keeps its pages: 48 MiB after 240,000 events. It calls free what was given back, too: a flood
    between two looks fills that again unseen, but for the growth of the process.
    """

    def __init__(
        self,
        free: Callable[[], int] = heap_free,
        trim: Callable[[], None] = trim_heap,
        resident: Callable[[], int] = anonymous,
    ) -> None:
        self._free = free
        self._trim = trim
        self._resident = resident
        self._given_back = free()
        self._least = resident()

    def look(self) -> None:
        """Call it now and then; while memory can't be read (no descriptor is left), it waits."""
        try:
            self._look()
        except OSError as error:
            log.warning("/proc/self/statm: %s; free memory is given back later", error)

    def _look(self) -> None:
        free, resident = self._free(), self._resident()
        self._given_back = min(self._given_back, free)
        self._least = min(self._least, resident)
        refilled = free >= GROWN and resident - self._least >= GROWN
        if refilled or free - self._given_back >= GROWN:
            self._trim()
            self._given_back = free
            self._least = self._resident()


class Growth:
    """Notices when more than ``most`` bytes have come into use since the fewest were."""

    def __init__(self, most: int, used: Callable[[], int] = heap_used) -> None:
        self._most = most
        self._used = used
        self._fewest = used()

    def beyond(self) -> bool:
        """Whether it is so now; then it begins anew with what is in use."""
        used = self._used()
        self._fewest = min(self._fewest, used)
        if used - self._fewest <= self._most:
            return False
        self._fewest = used
        return True
