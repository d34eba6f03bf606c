"""The rhythm of scrapes: learnt from when they come, so that readings fall into step with it.

A counter that is read every 50 s and scraped every 15 s stands still for three scrapes, or four:
its rate alternates. Read every third scrape, always as long before it, it does not. Asks nobody.
"""

import math
import time
from collections import deque
from collections.abc import Callable

LEAD_S = 1.5
"""How long before an expected scrape readings are made."""
MOST_SCRAPERS = 4
KEPT = 24
SHORTEST_S = 0.5
"""Scrapes closer together than this are one: they share a render."""
GAPS = 4
"""How many gaps must agree before they are an interval, within a twentieth and 0.1 s."""
FORGET = 3
"""Intervals without a scrape after which it is unlearnt."""
SOONER = 0.8
"""Part of a cadence after which readings are made that no rhythm leads: a page may come at any
moment, and what is confirmed is as old as the kernel's last pass."""
EASE = 0.25
"""How much of a scrape's deviation moves the rhythm: a single late one hardly does."""


class Rhythm:
    """Told of scrapes by any thread; ``since`` says which moment readings should not be older than.

    Several scrapers of one interval are told from one with a shorter one, up to MOST_SCRAPERS.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._scrapes: deque[float] = deque(maxlen=KEPT)
        self._origin = clock()
        self._beats = 0  # of the origin, since the interval was learnt
        self.interval: float | None = None
        # When an interval was learnt, which, and the origin that was in force without one.
        self._first: tuple[float, float, float] | None = None
        self.learnt = 0  # scrapes that were learnt from: another number may mean other moments

    def scraped(self) -> None:
        """A scrape has come."""
        now = self._clock()
        if self._scrapes and now - self._scrapes[-1] < SHORTEST_S:
            return
        self._scrapes.append(now)
        learnt = interval_of(list(self._scrapes))
        if learnt is None:
            return
        self.learnt += 1
        if self.interval is None or abs(learnt - self.interval) > tolerance(learnt):
            self._first = None if self.interval else (now, learnt, self._origin)
            self._origin, self._beats = now, 0
        else:
            # Which of several scrapers this is does not matter: only one keeps the rhythm.
            beats = round((now - self._origin) / learnt)
            error = now - self._origin - beats * learnt
            if abs(error) < learnt / (2 * MOST_SCRAPERS):
                # From here on: an error of the interval would grow with all that have passed.
                self._origin, self._beats = now - (1 - EASE) * error, self._beats + beats
        self.interval = learnt

    def since(self, cadence: float, now: float) -> float:
        """When the readings of a cadence that are in force were due to be made; in seconds.

        A little earlier, by as much as a scrape may be out of time: what was read then is current.
        """
        begin, period = self._beat(cadence, now)
        due = begin + (now - begin) // period * period
        return due - min(1.0, period / 8)

    def next(self, cadence: float, now: float) -> float:
        """When readings of a cadence fall due after now, unless more is learnt until then."""
        begin, period = self._beat(cadence, now)
        return begin + ((now - begin) // period + 1) * period

    def _beat(self, cadence: float, now: float) -> tuple[float, float]:
        """When readings of a cadence began to fall due, and every how many seconds they do."""
        if self.interval and self._scrapes and now - self._scrapes[-1] > FORGET * self.interval:
            self.interval = None
            self._scrapes.clear()
        begin, period = beat(cadence, self._origin, self.interval)
        if self.interval and self._first and period >= self.interval:
            ahead = skipped(cadence, *self._first) - self._beats
            begin += ahead % round(period / self.interval) * self.interval
        return begin, period


def beat(cadence: float, origin: float, interval: float | None) -> tuple[float, float]:
    """When readings of a cadence began to fall due, and every how many seconds they do."""
    if not interval:
        return origin, SOONER * cadence
    scrapes = int(cadence / interval + 0.05)
    readings = math.ceil(interval / cadence - 0.05)
    return origin - LEAD_S, interval * scrapes if scrapes else interval / readings


def skipped(cadence: float, now: float, learnt: float, origin: float) -> float:
    """How many scrapes later than the first readings of a cadence begin, once one is learnt.

    Any of them will do: what was read before, led by nothing, is good for a whole period still.
    """
    was, every = beat(cadence, origin, None)
    begin, period = beat(cadence, now, learnt)
    return (was + (now - was) // every * every + period - begin) // learnt


def tolerance(interval: float) -> float:
    """By how much gaps of one interval may differ."""
    return 0.1 + interval / 20


def interval_of(scrapes: list[float]) -> float | None:
    """The interval of a scraper, each of up to MOST_SCRAPERS having the same; None: no telling."""
    for scrapers in range(1, MOST_SCRAPERS + 1):
        gaps = [b - a for a, b in zip(scrapes, scrapes[scrapers:], strict=False)][
            -GAPS * scrapers :
        ]
        if len(gaps) < GAPS * scrapers:
            return None
        mean = sum(gaps) / len(gaps)
        if max(gaps) - min(gaps) <= tolerance(mean):
            return mean
    return None
