"""A real agent's scrapes, and the exporter's, before and while one guest's QEMU is stopped.

usage: python -m bench.inside.stuck RUNNING SECONDS VICTIM...     (inside a lab node)

For each victim both are watched for so many seconds: the agent is scraped at a steady interval, and
a scrape that waits delays those behind it, as it would Prometheus'. What libvirt is asked for every
CADENCE_S is as old as that before it is read again; so the oldest of many cadences is told, of each
guest and group. The exporter is scraped once, with the time that Prometheus gives a scrape.
"""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from bench.inside.scrape import OURS, THEIRS, agent, running, scrape, tell, wait_ready

CADENCE_S = 2.0
EVERY_S = 0.17
"""No part of CADENCE_S: pages then see the ages at every point between two readings."""
DEADLINE_S = 10.0
"""Prometheus' own, unless it is configured otherwise."""
RECOVERY_S = 30.0
SHARED_S = 0.1
"""A page may have been rendered so long before."""

CADENCES = "".join(f"{name} = {CADENCE_S}\n" for name in ("block", "balloon", "job", "interface"))
AGE = re.compile(
    rb'^hostmon_guest_sample_age_seconds\{(?=[^}]*domain="([^"]*)")'
    rb'(?=[^}]*group="(cpu|block|balloon|interface)")[^}]*\} (\S+)$',
    re.MULTILINE,
)
TIMED_OUT = re.compile(rb'^libvirt_domain_timed_out\{[^}]*domain="([^"]*)"[^}]*\} 1$', re.MULTILINE)

Oldest = dict[tuple[str, str], float]
"""By guest and group, seconds."""


class Watched(NamedTuple):
    """Seconds that each scrape took, the oldest figures, and guests said not to answer at last."""

    waits: list[float]
    oldest: Oldest
    timed_out: list[str]


def ages(body: bytes) -> Oldest:
    """What a page tells of each guest."""
    found = AGE.findall(body)
    return {(guest.decode(), group.decode()): float(age) for guest, group, age in found}


def watch(seconds: float) -> Watched:
    """Scrape the agent at a steady interval."""
    began, number = time.monotonic(), 0
    waits: list[float] = []
    oldest: Oldest = {}
    body = b""
    while (due := number * EVERY_S) < seconds:
        time.sleep(max(0.0, began + due - time.monotonic()))
        _, body = scrape(OURS)
        waits.append(time.monotonic() - began - due)
        for key, age in ages(body).items():
            oldest[key] = max(oldest.get(key, 0.0), age)
        number += 1
    return Watched(waits, oldest, [name.decode() for name in TIMED_OUT.findall(body)])


def peer_scrape(waits: list[float]) -> threading.Thread:
    """One scrape of the exporter, begun in a thread; it takes DEADLINE_S at most."""

    def run() -> None:
        began = time.monotonic()
        try:
            scrape(THEIRS, DEADLINE_S)
        except OSError:
            waits.append(DEADLINE_S)
        else:
            waits.append(time.monotonic() - began)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def recovered(victim: str) -> float | None:
    """Seconds from now until the page has the guest read anew of everything; None: not in time."""
    began = time.monotonic()
    while (asked := time.monotonic()) < began + RECOVERY_S:
        _, body = scrape(OURS)
        known = [age for (guest, _), age in ages(body).items() if guest == victim]
        if len(known) > 1 and max(known) < asked - began - SHARED_S:
            return time.monotonic() - began
        time.sleep(SHARED_S)
    return None


def others(oldest: Oldest, victim: str) -> Oldest:
    """All but one guest's."""
    return {key: age for key, age in oldest.items() if key[0] != victim}


def stop_one(victim: str, seconds: float, *, peer: bool) -> dict[str, object]:
    """What one guest's stop does."""
    qemu = int(Path(f"/run/libvirt/qemu/{victim}.pid").read_text())
    peer_before: list[float] = []
    peer_during: list[float] = []
    if peer:
        peer_scrape(peer_before).join()
    before = watch(seconds)
    os.kill(qemu, signal.SIGSTOP)
    try:
        asking = peer_scrape(peer_during) if peer else None
        during = watch(seconds)
        if asking is not None:
            asking.join()
    finally:
        os.kill(qemu, signal.SIGCONT)
    then, now = others(before.oldest, victim), others(during.oldest, victim)
    return {
        "before": before.waits,
        "during": during.waits,
        "age_before": max(then.values()),
        "age_during": max(now.values()),
        "growth": max(now[key] - then[key] for key in then),
        "compared": len(then),
        "same": then.keys() == now.keys(),
        "marked": during.timed_out == [victim],
        "recovery": recovered(victim),
        "peer_before": peer_before,
        "peer_during": peer_during,
    }


def main(guests: int, seconds: float, victims: list[str]) -> list[dict[str, object]]:
    """What each stop did."""
    peer = shutil.which("prometheus-libvirt-exporter")
    with tempfile.TemporaryDirectory() as folder:
        ours = agent(folder, "[virt.libvirt.cadences]\n" + CADENCES)
        theirs = [str(peer), f"--web.listen-address=127.0.0.1:{THEIRS}"]
        with running(ours), running(theirs if peer else ["sleep", "600"]):
            found = []
            for victim in victims:
                for port in (OURS, THEIRS) if peer else (OURS,):
                    wait_ready(port, guests)
                tell(f"{victim} is stopped for {seconds:g} s")
                found.append(stop_one(victim, seconds, peer=bool(peer)))
            return found


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])))
