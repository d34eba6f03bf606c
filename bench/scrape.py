"""Whole scrapes of real guests, half of them running, beside the installed exporter.

Each is a gzipped HTTP request of its own, in turns. ``cpu_per_scrape`` is what the exporter, the
agent, libvirtd and QEMU use together (vCPUs left out) in ten seconds of one scrape a second, less
what libvirtd and QEMU use anyway: so ours includes its background sampling. The guests have
firmware and nothing else.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from bench.front import Options, Result, compare, find, measure
from tests.lab import guests
from tests.lab.node import Node

METRICS = ("p50", "p99", "series", "cpu_per_scrape", "running")
GUESTS = 100
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
        names = []
        for number in range(count):
            image = f"/var/lib/libvirt/disk{number}.qcow2"
            node.run("qemu-img", "create", "-q", "-f", "qcow2", image, "64M")
            devices = DEVICES.format(image=image, tap=f"scrape{number}")
            names += guests.define(node, 1, first=number, devices=devices)
        started = names[: max(1, count // 2)]
        guests.start(node, started)
        answer = node.run(
            "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "bench.inside.scrape",
            str(len(started)), str(int(options.long)), deadline_s=1800,
        )  # fmt: skip
    return results(json.loads(answer.stdout), len(started))


def results(found: dict[str, Any], running: int) -> list[Result]:
    """The metrics, each beside the peer's where there is one."""
    ours, theirs = found["ours"], found["theirs"]

    def beside(metric: str, unit: str, key: str, *, more_is_better: bool = False) -> Result:
        peer = [theirs[key]] if theirs else None
        return compare(metric, unit, [ours[key]], PEER, peer, more_is_better=more_is_better)

    found_times = theirs.get("times")
    made = [
        compare("p50", "s", ours["times"], PEER, found_times),
        beside("p99", "s", "p99"),
        beside("series", "series", "series", more_is_better=True),
        beside("cpu_per_scrape", "s", "cpu"),
        measure("running", "guests", [running]),
        measure("slowest", "s", [max(ours["times"])]),
        measure("mean", "s", [statistics.fmean(ours["times"])]),
    ]
    if "cpu_5min" in ours:
        made.append(beside("cpu_5min", "s", "cpu_5min"))
    return made
