"""Whole scrapes of real guests, half of them running, beside the installed exporter.

Each is a gzipped HTTP request of its own, in turns. Ten of the running guests have Linux, which
works on a schedule; the others idle. ``cpu_per_scrape`` is what exporter or agent, libvirtd and
QEMU use together (vCPUs left out) while a scrape is served, less what they use anyway in that time.
``cpu_5min`` and ``cpu_5min_15s`` are what they use in five minutes of a scrape every 15 s,
background sampling included, of QEMU what it uses for libvirtd (bench/inside/spending.py); the
latter with ``block`` and ``balloon`` every 15 s. Both are what it costs to go on: they begin once
every running guest is on the page and was read of everything once, by whoever is measured.
``5min_PART`` is whose it was. ``oldest`` is the age of the oldest block or balloon figures of a
running guest on any page of those minutes.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.front import Options, Result, compare, find, measure
from tests.lab import guests, linux
from tests.lab.node import Node

METRICS = ("p50", "p99", "series", "cpu_per_scrape", "running")
GUESTS = 100
WORKING = 10
PEER = "prometheus-libvirt-exporter"
ROOT = Path(__file__).resolve().parents[1]
DEVICES = """
<disk type='file'><driver name='qemu' type='qcow2'/><source file='{image}'/>
<target dev='vda' bus='virtio'/></disk><interface type='ethernet'><target dev='{tap}'/></interface>
"""


def run(options: Options) -> list[Result]:
    """A node with guests, half of them started, and what was measured in it."""
    count = options.guests or GUESTS
    find(PEER, options.missing)
    with Node.create() as node:
        running = fill(node, count)
        with node.popen(
            "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "bench.inside.scrape",
            str(running), f"{options.long_minutes:g}", stdout=subprocess.PIPE, stderr=None,
        ) as process:  # fmt: skip
            told, _ = process.communicate(timeout=900 + 240 * options.long_minutes)
        if process.returncode:
            raise RuntimeError(f"bench.inside.scrape ended with {process.returncode}")
    return results(json.loads(told), running, f"{options.long_minutes:g}min")


def fill(node: Node, count: int, working: int = WORKING) -> int:
    """Define guests and start half of them, so many that work among these; how many run."""
    started = max(1, count // 2)
    working = min(working, started)
    for number in range(working):
        linux.boot(node, f"linux{number}", cpu=1, disk=8)
    names = []
    for number in range(count - working):
        image = f"/var/lib/libvirt/disk{number}.qcow2"
        node.run("qemu-img", "create", "-q", "-f", "qcow2", image, "64M")
        devices = DEVICES.format(image=image, tap=f"scrape{number}")
        names += guests.define(node, 1, first=number, devices=devices, idle=True)
    guests.start(node, names[: started - working])
    return started


def results(found: dict[str, Any], running: int, minutes: str) -> list[Result]:
    """The metrics, each beside the peer's where there is one; ``minutes`` names the long ones."""
    ours, theirs = found["ours"], found["theirs"]

    def beside(metric: str, unit: str, key: str, *, more_is_better: bool = False) -> Result:
        peer = [theirs[key]] if theirs else None
        return compare(metric, unit, [ours[key]], PEER, peer, more_is_better=more_is_better)

    found_times = theirs.get("times")
    made = [
        compare("p50", "s", ours["times"], PEER, found_times),
        beside("p99", "s", "p99"),
        beside("series", "series", "series", more_is_better=True),
        compare("cpu_per_scrape", "s", ours["cpu"], PEER, theirs.get("cpu")),
        measure("running", "guests", [running]),
        measure("slowest", "s", [max(ours["times"])]),
        measure("mean", "s", [statistics.fmean(ours["times"])]),
    ]
    if "parts" in ours:
        made.append(beside(f"cpu_{minutes}", "s", "cpu_long"))
        peer = [theirs["cpu_long"]] if theirs else None
        made.append(compare(f"cpu_{minutes}_15s", "s", [ours["cpu_15s_long"]], PEER, peer))
        made += [measure(name, "s", [ours[name]]) for name in ("oldest", "oldest_15s")]
        for part, value in ours["parts"].items():
            peer = [theirs["parts"][part]] if theirs else None
            made.append(compare(f"{minutes}_{part}", "s", [value], PEER, peer))
            made.append(
                compare(f"{minutes}_15s_{part}", "s", [ours["parts_15s"][part]], PEER, peer)
            )
    return made
