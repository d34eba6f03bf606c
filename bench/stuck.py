"""One guest's QEMU stopped by SIGSTOP: what the others' figures and a scrape's wait suffer.

``scrape_p99``: the wait for a fresh kernel pass and a snapshot with one guest stuck; its peer is
the same before. ``others_age``: the oldest block figures of any other guest meanwhile, beside the
same before (read every 2 s). ``peer_hang``: how long a bulk call of any exporter waits, until it
was let go. ``recovery``: from SIGCONT until the guest is read anew.
"""

import json
import os
import signal
import threading
import time
from typing import Any

import libvirt

from bench.front import Options, Result, compare, measure
from bench.front.nodes import inside
from tests.lab import guests
from tests.lab.inside import Inside
from tests.lab.node import Node

METRICS = ("scrape_p99", "others_age", "peer_hang", "recovery", "marked")
GUESTS = 20
QUIET_S, STUCK_S, RECOVERY_S = 10, 15, 30
DISK = "<disk type='file'><source file='{}'/><target dev='vda' bus='virtio'/></disk>"


def ask(process: Inside, command: str) -> dict[str, Any]:
    """One command to the inner part, and its answer."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(command + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def exporter(node: Node, waited: list[float]) -> threading.Thread:
    """What any exporter does at a scrape, in a thread: one bulk call for all."""

    def scrape() -> None:
        connection = libvirt.openReadOnly(node.uri_readonly)
        began = time.monotonic()
        connection.getAllDomainStats(
            libvirt.VIR_DOMAIN_STATS_BLOCK, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        )
        waited.append(time.monotonic() - began)
        connection.close()

    thread = threading.Thread(target=scrape)
    thread.start()
    return thread


def oldest(answer: dict[str, Any], but: str) -> float:
    return max(float(age) for name, age in answer["oldest"].items() if name != but)


def run(options: Options, *, quiet_s: float = QUIET_S, stuck_s: float = STUCK_S) -> list[Result]:
    count = options.guests or GUESTS
    with Node.create() as node:
        image = node.root / "lib/disk.img"
        image.write_bytes(bytes(1 << 20))
        image.chmod(0o666)
        disk = DISK.format("/var/lib/libvirt/disk.img").replace(
            "/><target", "/><shareable/><target"
        )
        names = guests.define(node, count, devices=disk)
        guests.start(node, names)
        victim, pid = names[0], node.qemu_pid(names[0])
        process = inside(node, "stuck")
        ask(process, f"fresh {names[-1]} 60")
        quiet = ask(process, f"watch {quiet_s}")
        waited: list[float] = []
        os.kill(pid, signal.SIGSTOP)
        try:
            peer = exporter(node, waited)
            stuck = ask(process, f"watch {stuck_s}")
        finally:
            os.kill(pid, signal.SIGCONT)
        recovery = ask(process, f"fresh {victim} {RECOVERY_S}")
        peer.join()
        assert process.stdin
        process.stdin.close()
        process.wait(30)
    before, during = oldest(quiet, victim), oldest(stuck, victim)
    seconds = recovery["seconds"] if recovery["seconds"] is not None else float("inf")
    return [
        compare("scrape_p99", "s", [stuck["p99"]], "without a stuck guest", [quiet["p99"]]),
        compare("others_age", "s", [during], "without a stuck guest", [before]),
        measure("peer_hang", "s", waited),
        measure("recovery", "s", [seconds]),
        measure("marked", "", [float(stuck["stuck"] == [victim])]),
    ]
