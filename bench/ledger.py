"""An event's update of the host's account, among ten guests and among ten thousand.

``update_N``: one change (start, stop, settled stop, in turn) and the reading of the sums that is
published after it. ``change_N``: the change alone, called from Python; among many guests it
includes fetching the guest's claim into the processor's cache. ``audit_N``: comparing the whole
account with a list of all guests, for one guest of it. All in CPU time of the calling thread.
"""

import random
import time
import uuid
from collections.abc import Callable

from bench.front import Options, Result, measure, take_turns
from hostmon._ledger import Ledger
from hostmon.account import GuestClaim
from hostmon.audit import Auditor

METRICS = ("update_10", "update_10000")
GUESTS = None

SIZES = (10, 10_000)
CHANGES = 300_000
ROUNDS = 12
MEMORY = 2 << 30


class Host:
    """A ledger with a number of defined guests, met in random order."""

    def __init__(self, guests: int) -> None:
        self.ledger = Ledger()
        self.uuids = [uuid.uuid4().bytes for _ in range(guests)]
        for key in self.uuids:
            self.ledger.define(key, 2, MEMORY)
        self.listed = [
            GuestClaim(key, active=False, defined=True, defined_vcpus=2, defined_memory=MEMORY)
            for key in self.uuids
        ]
        self.auditor = Auditor(self.ledger)
        # As many events whatever the number of guests: whole passes in one shuffled order. Each
        # event brings its uuid with it, as records do in the pipe's buffer.
        random.shuffle(self.uuids)
        self.events = b"".join(self.uuids)
        self.at = range(0, len(self.events), 16)
        self.passes = CHANGES // 3 // guests

    def change(self) -> float:
        """Seconds a change."""
        take, hold, settle = self.ledger.take, self.ledger.hold, self.ledger.settle
        events = self.events
        began = time.thread_time()
        for _ in range(self.passes):
            for i in self.at:
                take(events[i : i + 16], 2, MEMORY)
                hold(events[i : i + 16])
                settle(events[i : i + 16])
        return (time.thread_time() - began) / CHANGES

    def update(self) -> float:
        """Seconds a change and the reading after it."""
        ledger, events = self.ledger, self.events
        take, hold, settle, sums = ledger.take, ledger.hold, ledger.settle, ledger.sums
        began = time.thread_time()
        for _ in range(self.passes):
            for i in self.at:
                take(events[i : i + 16], 2, MEMORY)
                sums()
                hold(events[i : i + 16])
                sums()
                settle(events[i : i + 16])
                sums()
        return (time.thread_time() - began) / CHANGES

    def audit(self) -> float:
        """Seconds a guest of a comparison that finds nothing wrong."""
        began = time.thread_time()
        report = self.auditor.compare(self.listed, self.auditor.mark())
        assert not report.disagreements
        return (time.thread_time() - began) / len(self.listed)


def run(_options: Options) -> list[Result]:
    """All metrics, the sizes turn by turn."""
    hosts = {size: Host(size) for size in SIZES}
    results: list[Result] = []
    for what in ("update", "change", "audit"):
        contestants: dict[str, Callable[[], float]] = {
            f"{what}_{size}": getattr(host, what) for size, host in hosts.items()
        }
        measured = take_turns(contestants, ROUNDS)
        results += [measure(name, "s", values) for name, values in measured.items()]
    return results
