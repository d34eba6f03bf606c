"""What a driver costs per event, in a thread and in a process, and ten faulty ones beside others.

``thread_cost`` and ``process_cost``: processor time that the driver noop adds to an event of 1,000
a second. ``p99_with_faulty`` is a subscriber's latency, ``journal_p99_with_faulty`` the journal's,
sampled, while ten drivers of every faulty kind fail, are restarted and quarantined beside them;
``lost`` counts events that either missed, ``wrong_states`` faulty drivers that ended elsewhere than
they should: in quarantine, or refused. ``--long`` takes 100,000 events instead of 40,000.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq

from bench.front import Options, Result, measure, percentile
from hostmon import journal
from hostmon.events import LifecycleEvent
from hostmon.wire import decode, split
from tests.contract.distribution import FAULTY, FAULTY_POINTS, make

METRICS = ("thread_cost", "process_cost", "p99_with_faulty")
GUESTS = None

FAULTS = (
    "start-raises", "handle-raises", "stop-raises", "blocks", "exits", "leaks-memory",
    "leaks-files", "wrong-return", "wrong-addresses", "spins",
)  # fmt: skip
REFUSED = ("import-raises", "no-such-topic")
STATES = dict.fromkeys(FAULTS, "quarantined") | dict.fromkeys(REFUSED, "refused")
LIMITS = {"block_limit": 1.0, "memory_limit_mib": 128, "files_limit": 64}
ROUNDS = 3
COST_EVENTS = 5_000
SOAK_EVENTS = 40_000
SOAK_EVENTS_LONG = 100_000
RATE = 1_000.0
SILENCE_MS = 10_000


class Watched:
    """A process with drivers, and this process's subscription to its bus."""

    def __init__(self, folder: Path, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self._folder = folder
        self._context = context

    def run(self, plan: dict[str, Any], site: Path | None = None) -> tuple[Any, Sequence[float]]:
        """Carry a plan out: the process's answer, and the latency of each event that came."""
        address = f"ipc://{self._folder / 'bus.sock'}"
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.inside.drivers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(site or "")},
        )
        assert process.stdin
        assert process.stdout
        with process, self._context.socket(zmq.SUB) as socket:
            socket.rcvhwm = 0
            socket.subscribe(b"lifecycle/lifecycle/")
            socket.connect(address)
            process.stdin.write(json.dumps({"address": address, **plan}) + "\n")
            process.stdin.flush()
            if json.loads(process.stdout.readline()) != "ready":
                raise RuntimeError("the drivers did not start")
            time.sleep(1)  # the socket reconnects within this once the bus is bound
            process.stdin.write("go\n")
            process.stdin.flush()
            came: list[float] = []
            while len(came) < plan["count"] and socket.poll(SILENCE_MS):
                event = decode(split(socket.recv())[1])
                came.append((time.monotonic_ns() - event.monotonic_ns) / 1e9)
            return json.loads(process.stdout.readline()), came


def costs(watched: Watched) -> list[Result]:
    """Seconds of processor time an event, by isolation, beyond those without a driver."""
    added: dict[str, list[float]] = {"thread": [], "process": []}
    for _ in range(ROUNDS):
        spent = {}
        for isolation in ("", "thread", "process"):
            plan = {
                "drivers": ["noop"] if isolation else [],
                "sections": {"noop": {"isolation": isolation}} if isolation else {},
                "complete": ["noop"] if isolation else [],
                "count": COST_EVENTS,
                "rate": RATE,
            }
            spent[isolation] = watched.run(plan)[0]["cpu"] / COST_EVENTS
        for isolation, values in added.items():
            values.append(spent[isolation] - spent[""])
    return [measure(f"{name}_cost", "s", values) for name, values in added.items()]


def soak(watched: Watched, folder: Path, count: int) -> list[Result]:
    """Ten faulty drivers beside the journal and a subscriber."""
    site = make(folder / "site", "faulty-drivers", FAULTY_POINTS, FAULTY)
    directory = folder / "journal"
    plan = {
        "drivers": ["journal", *STATES],
        "sections": {"journal": {"directory": str(directory)}, **dict.fromkeys(FAULTS, LIMITS)},
        "complete": ["journal"],
        "sampled": "journal",
        "count": count,
        "rate": RATE,
    }
    answer, came = watched.run(plan, site)
    journaled = [
        line.sequence
        for path in journal.files(directory)
        for line in journal.lines(path)
        if isinstance(line, LifecycleEvent)
    ]
    lost = (count - len(came)) + (count - len(set(journaled)))
    wrong = [name for name, state in STATES.items() if answer["states"][name][0] != state]
    for name in wrong:
        print(f"drivers: {name} is {answer['states'][name]}", file=sys.stderr)
    return [
        measure("p99_with_faulty", "s", [percentile(sorted(came), 99)]),
        measure("p50_with_faulty", "s", [percentile(sorted(came), 50)]),
        measure("journal_p99_with_faulty", "s", [percentile(sorted(answer["lags"]), 99)]),
        measure("lost", "events", [lost]),
        measure("repeated", "events", [len(journaled) - len(set(journaled))]),
        measure("wrong_states", "drivers", [len(wrong)]),
    ]


def run(options: Options) -> list[Result]:
    """Costs, then the soak."""
    with tempfile.TemporaryDirectory(prefix="hostmon-bench-") as name, zmq.Context() as context:
        folder = Path(name)
        watched = Watched(folder, context)
        results = costs(watched)
        return results + soak(watched, folder, SOAK_EVENTS_LONG if options.long else SOAK_EVENTS)
