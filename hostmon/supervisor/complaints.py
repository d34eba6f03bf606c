"""What a driver complains of, in the log: a bounded number of lines, however often it does."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

SAME_S = 10.0
OTHER_S = 1.0


class Complaints:
    """Logs the same text every SAME_S seconds at most, another every OTHER_S; counts the rest."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._text = ""
        self._logged = float("-inf")
        self._left_out = 0

    def add(self, text: str) -> None:
        """An event failed, and this is why."""
        now = self._clock()
        if now - self._logged < (SAME_S if text == self._text else OTHER_S):
            self._left_out += 1
            return
        more = f" (and {self._left_out} others since the last line)" if self._left_out else ""
        log.warning("driver %s: an event failed: %s%s", self._name, text, more)
        self._text, self._logged, self._left_out = text, now, 0
