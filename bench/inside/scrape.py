"""The agent and the peer, scraped in turns as Prometheus does, inside a lab node.

usage: python -m bench.inside.scrape GUESTS MINUTES     (MINUTES: each of three legs, 0 for none)
"""

import gzip
import http.client
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from bench.front.turns import percentile, take_turns
from bench.inside.spending import CPU_THREAD, STEP_S, Spending, watched

OURS, THEIRS = 19178, 19177
ROUNDS = 60
SPACING_S = 1.1
"""More than the time in which scrapes share a render, or a pass over all that is shown."""

BESIDE_S, AFTER_S = SPACING_S, 0.02
"""How long is watched before a scrape, and after it for what it left to be done."""

INTERVAL_S = 15.0
READY_S = 60.0
AGE = re.compile(
    rb'^hostmon_guest_sample_age_seconds\{[^}]*group="(?:block|balloon)"\} (.*)$', re.MULTILINE
)
SHOWN = re.compile(rb"^libvirt_domain_info_cpu_time_seconds_total\{", re.MULTILINE)


def scrape(port: int, timeout: float = 60) -> tuple[float, bytes]:
    """Seconds that a whole gzipped request takes, and its body."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - began
    connection.close()
    return took, gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body


def watched_threads(but: int) -> list[Path]:
    """schedstat of all watched processes' threads, the guests' own vCPU threads left out."""
    found = []
    for _, process in watched(but):
        try:
            found += [
                task / "schedstat"
                for task in process.glob("task/*")
                if not CPU_THREAD.match((task / "comm").read_text())
            ]
        except OSError:
            continue
    return found


def used_s(threads: list[Path]) -> float:
    """CPU seconds that these threads have used."""
    total = 0
    for thread in threads:
        with suppress(OSError):
            total += int(thread.read_text().split()[0])
    return total / 1e9


def tell(what: str) -> None:
    """Say how far this is."""
    print(f"{time.strftime('%H:%M:%S')} scrape: {what}", file=sys.stderr, flush=True)


@contextmanager
def running(command: list[str]) -> Iterator[int]:
    """A process for the time of the block; its pid."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def wait_ready(port: int, guests: int) -> None:
    """Wait until every running guest is on the page, and was read of everything once.

    The peer reads all with each page, the agent in the background: disks and balloon tell.
    """
    ages = 2 * guests if port == OURS else 0
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            body = scrape(port)[1]
            if len(SHOWN.findall(body)) >= guests and len(AGE.findall(body)) >= ages:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"port {port} does not show {guests} running guests in {READY_S:g} s")


def series(body: bytes) -> int:
    """How many series of guests and host a page has, the exporter's own runtime left out."""
    lines = body.splitlines()
    return sum(line.startswith((b"libvirt_", b"hostmon_guest", b"hostmon_host")) for line in lines)


def a_scrape(me: int, port: int) -> list[float]:
    """CPU seconds of each of some scrapes, less what all use anyway in as much time."""
    costs = []
    for _ in range(ROUNDS // 2):
        threads = watched_threads(me)
        began, before = time.monotonic(), used_s(threads)
        time.sleep(BESIDE_S)
        then, used = time.monotonic(), used_s(threads)
        rate = (used - before) / (then - began)
        scrape(port)
        time.sleep(AFTER_S)
        costs.append(used_s(threads) - used - rate * (time.monotonic() - then))
    return costs


def latencies(ports: dict[str, int]) -> dict[str, Any]:
    """p50 and p99 of whole requests, and the series of the last page."""
    pages: dict[str, bytes] = {}

    def one(name: str) -> float:
        time.sleep(SPACING_S)
        took, pages[name] = scrape(ports[name])
        return took

    turns = take_turns({name: partial(one, name) for name in ports}, ROUNDS, 3)
    return {
        name: {"times": times, "p99": percentile(times, 99), "series": series(pages[name])}
        for name, times in turns.items()
    }


def oldest(body: bytes) -> float:
    """The age of the oldest block or balloon figures on a page; 0 where it tells none."""
    return max(map(float, AGE.findall(body)), default=0.0)


def long_run(me: int, port: int, minutes: float) -> tuple[dict[str, float], float]:
    """CPU seconds by part of so many minutes, scraped every 15 s, and the oldest figures seen."""
    spending, age = Spending(me), 0.0
    began = looked = time.monotonic()
    scrapes = 0
    while (now := time.monotonic()) < began + 60 * minutes:
        spending.look(now - looked)
        looked = now
        if now >= began + scrapes * INTERVAL_S:
            scrapes += 1
            age = max(age, oldest(scrape(port)[1]))
        time.sleep(STEP_S)
    now = time.monotonic()
    spending.look(now - looked)
    spending.close()
    return spending.spent(), age


def agent(folder: str, more: str = "") -> list[str]:
    """The agent's command, with its configuration written."""
    config = Path(folder) / f"hostmon{len(more)}.toml"
    config.write_text(
        f'[agent]\nuri = "qemu:///system"\n[bus]\nevents = ["ipc://{folder}/e"]\n'
        f'requests = "ipc://{folder}/r"\n[drivers.prometheus]\nlisten = "127.0.0.1:{OURS}"\n{more}'
    )
    return [sys.executable, "-m", "hostmon", "run", "--config", str(config)]


def long_runs(
    me: int,
    guests: int,
    minutes: float,
    contestants: dict[str, tuple[list[str], int]],
    folder: str,
) -> dict[str, dict[str, Any]]:
    """So many minutes of each contestant, and of ours at its shorter cadence."""
    legs = {name: (name, "", *rest) for name, rest in contestants.items()}
    quicker = agent(folder, "[virt.libvirt.cadences]\nblock = 15.0\nballoon = 15.0\n")
    legs["ours, every 15 s"] = ("ours", "_15s", quicker, OURS)
    found: dict[str, dict[str, Any]] = {name: {} for name in contestants}
    for leg, (name, suffix, command, port) in legs.items():
        with running(command):
            wait_ready(port, guests)
            tell(f"{minutes:g} minutes of {leg}")
            parts, age = long_run(me, port, minutes)
        tell(f"{leg}: {parts}, the oldest figures {age:.1f} s")
        found[name] |= {
            f"cpu{suffix}_long": sum(parts.values()),
            f"parts{suffix}": parts,
            f"oldest{suffix}": age,
        }
    return found


def main(guests: int, minutes: float) -> dict[str, Any]:
    """What was measured, by contestant."""
    me = int(Path("/proc/self").readlink().name)
    found: dict[str, Any] = {"ours": {}, "theirs": {}}
    with tempfile.TemporaryDirectory() as folder:
        ours = agent(folder)
        peer = shutil.which("prometheus-libvirt-exporter")
        theirs = [str(peer), f"--web.listen-address=127.0.0.1:{THEIRS}"]
        contestants = {"ours": (ours, OURS)} | ({"theirs": (theirs, THEIRS)} if peer else {})
        if minutes:
            for name, more in long_runs(me, guests, minutes, contestants, folder).items():
                found[name] |= more
        for name, (command, port) in contestants.items():
            with running(command):
                wait_ready(port, guests)
                tell(f"single scrapes of {name}")
                found[name]["cpu"] = a_scrape(me, port)
        with running(ours), running(theirs if peer else ["sleep", "600"]):
            for _, port in contestants.values():
                wait_ready(port, guests)
            tell("both in turns")
            ports = {name: port for name, (_, port) in contestants.items()}
            for name, more in latencies(ports).items():
                found[name] |= more
    return found


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), float(sys.argv[2]))))
