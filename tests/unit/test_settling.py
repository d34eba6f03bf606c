"""Many open stops at once: each is concluded once, and none costs the others a turn."""

import random
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from hostmon import events, records
from tests.unit.rig import Rig

STARTED, STOPPED = 2, 5


def concluded(rig: Rig, counts: Counter[str]) -> None:
    """Take what has come, and count the conclusions."""
    while rig.subscriber.poll(0):
        event = rig.receive_event()
        if isinstance(event, events.SettledEvent):
            counts[type(event).__name__] += 1
            counts[event.uuid] += 1


@pytest.mark.parametrize("seed", range(3))
def test_every_stop_is_concluded_once_whatever_happens_between(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    rig = Rig(f"ipc://{tmp_path}/bus", reboot_window_ns=20_000_000, also=("settled/",))
    guests = [uuid.UUID(int=chosen.getrandbits(128)) for _ in range(300)]
    running: set[uuid.UUID] = set()
    stopped: set[uuid.UUID] = set()
    stops: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    try:
        rig.pipe.put(records.connection(up=True, reason="test"))
        for _ in range(3000):
            guest = chosen.choice(guests)
            if guest in running:
                rig.put_lifecycle(guest, STOPPED, 0)
                stops[str(guest)] += 1
                running.discard(guest)
                stopped.add(guest)
            else:
                rig.put_lifecycle(guest, STARTED, 0, id_=7)
                running.add(guest)
                stopped.discard(guest)
        deadline = time.monotonic() + 20
        while rig.dispatcher.open_stops or sum(counts[g] for g in stops) < stops.total():
            assert time.monotonic() < deadline, f"{rig.dispatcher.open_stops} are open still"
            for wanted in rig.dispatcher.take_wanted() or ():
                if uuid.UUID(bytes=wanted) in stopped:
                    rig.pipe.put(records.gone(wanted, time.monotonic_ns()))
            concluded(rig, counts)
            time.sleep(0.002)
        assert {guest: counts[guest] for guest in stops} == dict(stops)
        assert counts["RebootedEvent"] == stops.total() - len(
            stopped & {uuid.UUID(g) for g in stops}
        )
    finally:
        rig.close()


def turn(rig: Rig) -> float:
    """Seconds of processor that the dispatcher takes for a turn: of several rounds the least.

    Others on the machine make a round dearer by what they leave of the caches.
    """
    assert rig.thread.ident is not None
    clock = time.pthread_getcpuclockid(rig.thread.ident)
    rounds = []
    for _ in range(20):
        before = time.clock_gettime(clock)
        for _ in range(20):
            rig.settle()
        rounds.append(time.clock_gettime(clock) - before)
    return min(rounds) / 20


def test_a_turn_costs_the_same_however_many_stops_are_open(tmp_path: Path) -> None:
    rig = Rig(f"ipc://{tmp_path}/bus", reboot_window_ns=3600 * 10**9)
    rig.subscriber.unsubscribe("lifecycle/lifecycle/")
    try:
        alone = turn(rig)
        for number in range(100_000):
            rig.put_lifecycle(uuid.UUID(int=number + 1), STOPPED, 0)
        rig.settle()
        assert rig.dispatcher.open_stops == 100_000
        assert turn(rig) < 3 * alone
    finally:
        rig.close()
