"""CPU, vCPU, memory and network figures of real guests, beside libvirt's bulk call for the same.

``wall`` and ``cpu``: one reading of all guests, half of them running, caches cold; CPU is that of
the caller, libvirtd and every QEMU together. ``mismatches``: values that differ from libvirt's,
which was asked while we read on (vCPU times: by more than libvirt's cutting off of user and of
system time to 10 ms); ``over_one_tick``: vCPU times more than 10 ms apart; ``compared``: how many
values were held against libvirt's.
"""

from bench.front import Options, Result, compare, find, measure
from bench.front.nodes import run_inside
from tests.lab import guests
from tests.lab.node import Node

METRICS = ("wall", "cpu", "mismatches", "compared", "over_one_tick", "running")
GUESTS = 100
ROUNDS = 15
TAP = "<interface type='ethernet'><model type='virtio'/></interface>"


def run(options: Options, rounds: int = ROUNDS) -> list[Result]:
    count = options.guests or GUESTS
    peer = find("libvirt-python", options.missing)
    with Node.create() as node:
        # One works in its firmware, the others idle: fifty busy ones would share two processors.
        names = guests.define(node, 1, devices=TAP)
        names += guests.define(node, count - 1, first=1, devices=TAP, idle=True)
        guests.start(node, names[: count // 2])
        found = run_inside(node, "sampling", rounds)
    for line in found["wrong"][:10]:
        print(f"mismatch: {line}")
    assert peer
    ours, theirs = found["ours"], found["theirs"]
    return [
        compare("wall", "s", [w for w, _ in ours], "libvirt-bulk", [w for w, _ in theirs]),
        compare("cpu", "s", [c for _, c in ours], "libvirt-bulk", [c for _, c in theirs]),
        measure("mismatches", "", [len(found["wrong"])]),
        measure("compared", "", [found["compared"]]),
        measure("over_one_tick", "", [found["over_one_tick"]]),
        measure("running", "", [found["running"]]),
    ]
