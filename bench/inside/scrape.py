"""The agent and the peer, scraped in turns as Prometheus does, inside a lab node.

usage: python -m bench.inside.scrape GUESTS LONG     (LONG: 1 adds five minutes of each)
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
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.front.turns import percentile, take_turns

OURS, THEIRS = 19178, 19177
ROUNDS = 60
SPACING_S = 0.15
"""More than the time in which scrapes share a render."""

WINDOW_S, WINDOW_SCRAPES = 10.0, 10
LONG_S, INTERVAL_S = 300.0, 15.0
READY_S = 60.0
WATCHED = ("libvirtd", "qemu-system-", "hostmon", "python", "prometheus-libvi")
CPU_THREAD = re.compile(r"CPU \d+/")


def scrape(port: int) -> tuple[float, bytes]:
    """Seconds that a whole gzipped request takes, and its body."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - began
    connection.close()
    return took, gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body


def cpu_s(but: int) -> float:
    """CPU seconds that all watched processes used so far, the guests' own vCPU threads left out."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            watched = (process / "comm").read_text().startswith(WATCHED)
            if not watched or process.name == str(but):
                continue
            for task in process.glob("task/*"):
                if not CPU_THREAD.match((task / "comm").read_text()):
                    total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return total / 1e9


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
    """Wait until every running guest is on the page, and its disk where it has been read."""
    name = re.compile(rb"^libvirt_domain_info_cpu_time_seconds_total\{", re.MULTILINE)
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            if len(name.findall(scrape(port)[1])) >= guests:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"port {port} does not show {guests} running guests in {READY_S:g} s")


def series(body: bytes) -> int:
    """How many series of guests and host a page has, the exporter's own runtime left out."""
    lines = body.splitlines()
    return sum(line.startswith((b"libvirt_", b"hostmon_guest", b"hostmon_host")) for line in lines)


def window(me: int, port: int | None) -> float:
    """CPU seconds in a window of time, with scrapes of a port or without."""
    began, used = time.monotonic(), cpu_s(me)
    for turn in range(WINDOW_SCRAPES):
        if port is not None:
            scrape(port)
        time.sleep(max(0.0, began + (turn + 1) * WINDOW_S / WINDOW_SCRAPES - time.monotonic()))
    return cpu_s(me) - used


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


def long_run(me: int, port: int) -> float:
    """CPU seconds of five minutes, scraped every 15 s."""
    began, used = time.monotonic(), cpu_s(me)
    while (passed := time.monotonic() - began) < LONG_S:
        scrape(port)
        time.sleep(INTERVAL_S - passed % INTERVAL_S)
    return cpu_s(me) - used


def main(guests: int, long: bool) -> dict[str, Any]:
    """What was measured, by contestant."""
    me = int(Path("/proc/self").readlink().name)
    found: dict[str, Any] = {"ours": {}, "theirs": {}}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "hostmon.toml"
        config.write_text(
            f'[agent]\nuri = "qemu:///system"\n[bus]\nevents = ["ipc://{folder}/e"]\n'
            f'requests = "ipc://{folder}/r"\n[drivers.prometheus]\nlisten = "127.0.0.1:{OURS}"\n'
        )
        ours = [sys.executable, "-m", "hostmon", "run", "--config", str(config)]
        peer = shutil.which("prometheus-libvirt-exporter")
        theirs = [str(peer), f"--web.listen-address=127.0.0.1:{THEIRS}"]
        contestants = {"ours": (ours, OURS)} | ({"theirs": (theirs, THEIRS)} if peer else {})
        idle = window(me, None)
        for name, (command, port) in contestants.items():
            with running(command):
                wait_ready(port, guests)
                found[name]["cpu"] = (window(me, port) - idle) / WINDOW_SCRAPES
                if long:
                    found[name]["cpu_5min"] = long_run(me, port)
        with running(ours), running(theirs if peer else ["sleep", "600"]):
            for _, port in contestants.values():
                wait_ready(port, guests)
            ports = {name: port for name, (_, port) in contestants.items()}
            for name, more in latencies(ports).items():
                found[name] |= more
    return found


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2] == "1")))
