"""Decisions a second by the number of hosts, freshness of a real one, errors of old views.

``decisions_N``, ``p50_N`` and ``p99_N`` are of N simulated hosts, without the way to them;
``decisions`` and ``p99`` are those of 1,000, ``growth_N`` is the cost at N beside that at a tenth.
These are decisions alone; ``place_N`` are whole placements a second, by ``Scheduler.place`` over
real sockets with each host's answer to its claim: requests with disks, some with a trait or group.
``freshness_p50`` is from libvirt's event of a real guest's start to the scheduler's row;
``freshness_libvirtd_p50``, from the call to that event, is libvirtd's own share. The rest is three
``hostmon schedule`` on the trace, guests started behind their backs, beside three schedulers whose
views are up to 60 s old; HOSTMON_CORPORA names the folder with the trace, else a small one is used.
"""

import statistics
import tempfile
import time
from pathlib import Path

from bench.fleet.decisions import timings
from bench.fleet.freshness import freshness
from bench.fleet.periodic import simulate
from bench.fleet.placing import placements
from bench.fleet.rivals import compete
from bench.fleet.trace import OWN, Arrival, arrivals, trace_path
from bench.front import Options, Result, compare, measure, percentile
from tests.lab.node import missing

METRICS = ("decisions", "p99", "freshness_p50", "overcommitted", "overcommitted_periodic")
GUESTS = None
HOSTS = (10, 100, 1000, 10_000)
DECISIONS = 4000
PLACED_ON = (10, 1000)
PLACEMENTS = 1000
ROUNDS = 5
STARTS = 30
ARRIVALS = 5000
FLEET, SMALL_FLEET = 40, 5
VCPUS, MEMORY = 64, 128 << 30
OLD = "60s-view"


def decided(trace: list[Arrival]) -> list[Result]:
    """Decisions, and how their cost grows."""
    results: list[Result] = []
    mean: dict[int, float] = {}
    for hosts in HOSTS:
        rounds = [timings(hosts, trace, DECISIONS) for _ in range(ROUNDS)]
        rates = [len(one) / sum(one) for one in rounds]
        mean[hosts] = 1 / statistics.median(rates)
        halves = [percentile(one, 50) for one in rounds]
        tails = [percentile(one, 99) for one in rounds]
        results += [
            measure(f"decisions_{hosts}", "decisions/s", rates),
            measure(f"p50_{hosts}", "s", halves),
            measure(f"p99_{hosts}", "s", tails),
        ]
        if hosts == 1000:
            results += [measure("decisions", "decisions/s", rates), measure("p99", "s", tails)]
        if hosts // 10 in mean:
            results.append(measure(f"growth_{hosts}", "times", [mean[hosts] / mean[hosts // 10]]))
    return results


def placed(trace: list[Arrival]) -> list[Result]:
    """Whole placements."""
    results: list[Result] = []
    for hosts in PLACED_ON:
        rounds = [placements(hosts, trace, PLACEMENTS) for _ in range(ROUNDS)]
        rates = [len(one) / sum(one) for one in rounds]
        results += [
            measure(f"place_{hosts}", "placements/s", rates),
            measure(f"place_p50_{hosts}", "s", [percentile(one, 50) for one in rounds]),
            measure(f"place_p99_{hosts}", "s", [percentile(one, 99) for one in rounds]),
        ]
    return results


def fresh() -> list[Result]:
    """Real guests, a real libvirtd."""
    times = freshness(STARTS)
    ours, theirs = [one.ours for one in times], [one.libvirtd for one in times]
    return [
        measure("freshness_p50", "s", ours),
        measure("freshness_p99", "s", [percentile(ours, 99)]),
        measure("freshness_libvirtd_p50", "s", theirs),
    ]


def competed(trace: list[Arrival], hosts: int) -> list[Result]:
    """The trace, by claims and by old views."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        ours, _ = compete(Path(folder), trace, hosts, VCPUS, MEMORY)
        seconds = time.monotonic() - began
    trusted = simulate(trace, hosts, VCPUS, MEMORY, checked=False)
    checked = simulate(trace, hosts, VCPUS, MEMORY, checked=True)

    def beside(metric: str, own: int, old: int) -> Result:
        return compare(metric, "placements", [own], OLD, [old])

    return [
        beside("overcommitted", ours.overcommitted, trusted.overcommitted),
        measure("overcommitted_periodic", "placements", [trusted.overcommitted]),
        compare("refused", "claims", [ours.refused], OLD, [checked.refused]),
        compare("placed", "placements", [ours.placed], OLD, [checked.placed], more_is_better=True),
        beside("not_placed", ours.unplaced, checked.unplaced),
        measure("started_behind", "guests", [ours.behind]),
        measure("room_taken_from_behind", "placements", [ours.taken_from]),
        measure("arrivals_a_second", "arrivals/s", [len(trace) / seconds]),
    ]


def run(options: Options) -> list[Result]:
    """All of it; without the trace's corpus on the project's own, which is said."""
    if reason := missing():
        raise RuntimeError(f"freshness needs a lab node: {reason}")
    path = trace_path()
    if path == OWN:
        options.missing.append("the trace is the small one of the project: set HOSTMON_CORPORA")
    trace = arrivals(path, ARRIVALS)
    results = decided(trace)
    results += placed(trace)
    results += fresh()
    return results + competed(trace, SMALL_FLEET if path == OWN else FLEET)
