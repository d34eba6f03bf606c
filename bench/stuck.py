"""One guest's QEMU stopped by SIGSTOP: what scrapes and the other guests' figures suffer.

A real agent is scraped over HTTP every 0.17 s, before and while one of the guests that work is
stopped; three of them, one after the other. ``scrape_p50`` and ``scrape_p99`` are of all scrapes
meanwhile, beside those before. ``others_age`` is the oldest figure of the processor, disks, balloon
or interfaces of any other guest on any page, where libvirt is asked every 2 s, beside the same
before; ``others_growth`` is by how much the oldest figure of the same guest and group was older, of
whichever grew most. ``slowest`` is the slowest scrape meanwhile, beside the installed exporter's,
which is given 10 s as Prometheus does; ``peer_usual`` is what that takes before. ``recovery``: from
SIGCONT until the page has the guest read anew; ``marked``: no other guest was said not to answer.
"""

from typing import Any

from bench.front import Options, Result, compare, find, measure, percentile
from bench.front.nodes import run_inside
from bench.scrape import PEER, fill
from tests.lab.node import Node

METRICS = ("scrape_p50", "scrape_p99", "others_age", "others_growth", "recovery", "marked")
GUESTS = 40
STOPS = WORKING = 3
WATCHED_S = 12.0
BEFORE = "without a stuck guest"


def run(options: Options, *, watched_s: float = WATCHED_S, stops: int = STOPS) -> list[Result]:
    """A node with guests, half of them started, of which some work; those are stopped in turn."""
    count = options.guests or GUESTS
    find(PEER, options.missing)
    with Node.create() as node:
        started = fill(node, count, WORKING)
        working = min(WORKING, started)
        victims = [node.name(f"linux{number % working}") for number in range(stops)]
        found = run_inside(node, "stuck", started, watched_s, *victims)
    return results(found)


def results(found: list[dict[str, Any]]) -> list[Result]:
    """The metrics of all stops."""
    before = [wait for each in found for wait in each["before"]]
    during = [wait for each in found for wait in each["during"]]
    slowest = [max(each["during"]) for each in found]
    recovery = [float("inf") if each["recovery"] is None else each["recovery"] for each in found]
    peer_usual = [wait for each in found for wait in each["peer_before"]]
    peer_stuck = [wait for each in found for wait in each["peer_during"]]
    made = [
        compare("scrape_p50", "s", during, BEFORE, before),
        compare(
            "scrape_p99", "s", [percentile(during, 99)], BEFORE, [percentile(before, 99)]
        ),
        compare(
            "others_age", "s", [each["age_during"] for each in found], BEFORE,
            [each["age_before"] for each in found],
        ),
        measure("others_growth", "s", [each["growth"] for each in found]),
        measure("compared", "ages", [each["compared"] for each in found]),
        compare("slowest", "s", slowest, PEER, peer_stuck or None),
        measure("recovery", "s", recovery),
        measure("marked", "", [float(each["marked"] and each["same"]) for each in found]),
    ]  # fmt: skip
    if peer_usual:
        made += [
            measure("peer_hang", "s", peer_stuck),
            measure("peer_usual", "s", peer_usual),
        ]
    return made
