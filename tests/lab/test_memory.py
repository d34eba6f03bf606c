"""The agent's memory on a real libvirtd: bounded, and not growing with events or scrapes."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.guests import define_and_start
from tests.lab.inside import Inside
from tests.lab.node import Node, wait_for

ROOT = str(Path(__file__).resolve().parents[2])
GUESTS = 20
MOST_BYTES = 64 << 20
EVENTS = 1_000_000
WARM_UP = 1_000_000  # fills every bounded buffer: the ring of recent events first of all
GROWTH_BYTES = 1 << 20  # one byte an event: below what any kept event takes
HEARTBEAT_S = 1.0  # a flood's queue is given back at each
PORT = 9177  # the node's own network: nobody else's
SCRAPE = """\
import sys, threading, urllib.request
def scrape():
    with urllib.request.urlopen(sys.argv[1], timeout=60) as answer:
        body = answer.read().decode()
    counts.append((answer.status, body.count("libvirt_domain_info{")))
counts = []
threads = [threading.Thread(target=scrape) for _ in range(int(sys.argv[2]))]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(*{count for count in counts}, len(counts))
"""


def resident(process: Inside) -> int:
    """Bytes of a process that are in memory."""
    status = Path(f"/proc/{process.pid_inside}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match
    return int(match[1]) << 10


def settled(process: Inside) -> int:
    """Resident bytes once a second changes them no more.

    What waits in a queue comes and goes, and code dropped at the start comes back with its first
    use: neither is what an event leaves behind.
    """
    readings = [resident(process)]

    def unchanged() -> bool:
        time.sleep(HEARTBEAT_S)
        readings.append(resident(process))
        return abs(readings[-1] - readings[-2]) <= GROWTH_BYTES // 16

    wait_for(unchanged, "resident memory settles", 30)
    return readings[-1]


def scrape(node: Node, concurrent: int) -> str:
    """What so many scrapers at once were answered: (status, guests) pairs, then how many."""
    return node.run(
        sys.executable, "-c", SCRAPE, f"http://127.0.0.1:{PORT}/metrics", str(concurrent),
        deadline_s=100,
    ).stdout.strip()  # fmt: skip


@contextmanager
def agent(node: Node, *command: str) -> Iterator[Inside]:
    """An agent inside the node, once it knows every guest."""
    (node.root / "run/hostmon.toml").write_text('[agent]\nuri = "qemu:///system"\n')
    process = node.popen(
        "env", f"--chdir={ROOT}", sys.executable, "-m", *command,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    try:
        assert process.stdout.readline().startswith(("open http", "http")), "did not start"
        wait_for(lambda: scrape(node, 1) == f"(200, {GUESTS}) 1", "all guests are shown", 60)
        yield process
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture(scope="module")
def busy_node(module_node: Node) -> Node:
    define_and_start(module_node, GUESTS, idle=True)
    return module_node


@pytest.mark.timeout(300)
def test_fifty_concurrent_scrapers_are_answered_within_the_bound(busy_node: Node) -> None:
    command = ("hostmon", "run", "--config", "/run/hostmon.toml")
    with agent(busy_node, *command) as process:
        for _ in range(3):
            assert scrape(busy_node, 50) == f"(200, {GUESTS}) 50"
        used = resident(process)
        print(f"resident memory with {GUESTS} guests: {used / (1 << 20):.1f} MiB")
        assert used <= MOST_BYTES


@pytest.fixture(scope="module")
def around_a_million_events(busy_node: Node) -> tuple[int, int]:
    """Resident bytes before and after them, with every bounded buffer full before."""
    with agent(busy_node, "tests.lab.fed_agent", "/run/hostmon.toml") as process:

        def feed(count: int) -> None:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{count}\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{count}\n"
            assert scrape(busy_node, 1) == f"(200, {GUESTS}) 1"

        feed(WARM_UP)
        before = settled(process)
        for _ in range(10):
            feed(EVENTS // 10)
        after = settled(process)
    print(f"resident memory: {before} bytes, after {EVENTS} events {after}")
    return before, after


@pytest.mark.timeout(300)
def test_a_million_events_leave_nothing_behind(around_a_million_events: tuple[int, int]) -> None:
    before, after = around_a_million_events
    assert after - before <= GROWTH_BYTES


@pytest.mark.timeout(300)
def test_a_million_events_stay_within_the_bound(around_a_million_events: tuple[int, int]) -> None:
    assert around_a_million_events[1] <= MOST_BYTES
