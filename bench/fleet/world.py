"""What truly runs where, added up guest by guest: the judge of every placement.

Knows no sums, no claims and no scheduler: only which guests were started on which host, and when.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.fleet.trace import Arrival


@dataclass
class Guests:
    """One host's guests; those that came behind the schedulers' backs with the time they counted.

    Times are CLOCK_MONOTONIC in ns.
    """

    vcpus: int
    memory: int
    running: dict[object, Arrival] = field(default_factory=dict)
    behind: dict[object, int] = field(default_factory=dict)

    def used(self, without: frozenset[object] = frozenset()) -> tuple[int, int]:
        """vCPUs and memory of its guests, but for some."""
        counted = [one for one in self.running.values() if one.guest not in without]
        return sum(one.vcpus for one in counted), sum(one.memory for one in counted)

    def fits(self, one: Arrival, without: frozenset[object] = frozenset()) -> bool:
        """Whether there is room beside the guests that run."""
        vcpus, memory = self.used(without)
        return vcpus + one.vcpus <= self.vcpus and memory + one.memory <= self.memory


class World:
    """Hosts by name; guests end by the trace."""

    def __init__(self, names: list[str], vcpus: int, memory: int) -> None:
        self.hosts = {name: Guests(vcpus, memory) for name in names}
        self._ends: list[tuple[float, int, str, Arrival]] = []
        self._number = 0

    def start(self, host: str, one: Arrival, counted_ns: int = 0) -> None:
        """A guest runs from now on."""
        guests = self.hosts[host]
        guests.running[one.guest] = one
        if one.behind:
            guests.behind[one.guest] = counted_ns
        self._number += 1
        heapq.heappush(self._ends, (one.ends, self._number, host, one))

    def ended(self, now: float) -> Iterator[tuple[str, Arrival]]:
        """Guests whose life is over by ``now``, each with its host; they run no more."""
        while self._ends and self._ends[0][0] <= now:
            _, _, host, one = heapq.heappop(self._ends)
            del self.hosts[host].running[one.guest]
            self.hosts[host].behind.pop(one.guest, None)
            yield host, one

    def overcommitted(self, host: str, one: Arrival, granted_ns: int) -> bool:
        """Whether there was no room for a guest when its host granted it.

        What was started behind the scheduler's back after that excuses it, and nothing else does.
        """
        guests = self.hosts[host]
        later = frozenset(g for g, counted in guests.behind.items() if counted > granted_ns)
        return not guests.fits(one, later)
