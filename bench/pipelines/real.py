"""Callback to subscriber on a real libvirtd: running guests, scrapers, a busy agent."""

import subprocess
import sys
import time
from pathlib import Path

import zmq

from bench.front import Result, measure, percentile
from bench.pipelines.subscriber import TOPIC, decode
from tests.lab.guests import define_and_start
from tests.lab.node import Node

ROOT = str(Path(__file__).resolve().parents[2])
EVENTS = 2000  # enough for two above the p99.9
SCRAPERS = 4
ROUNDS = 3
SILENCE_MS = 30_000


def module(node: Node, name: str, *arguments: str) -> "subprocess.Popen[str]":
    """A module of this package in a process inside the node."""
    return node.popen(
        "env", f"--chdir={ROOT}", sys.executable, "-m", f"bench.pipelines.{name}", *arguments,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]") -> str:
    """Close a process's standard input, and return the rest of what it printed."""
    return process.communicate(timeout=60)[0]


def latencies(node: Node, socket: "zmq.Socket[bytes]") -> list[float]:
    """Seconds from callback to here, of EVENTS events raised one after the other."""
    source = module(node, "clients", "raise", str(EVENTS), node.prefix)
    received: list[tuple[int, bytes]] = []
    while len(received) < EVENTS:
        if not socket.poll(SILENCE_MS):
            raise RuntimeError(f"{EVENTS - len(received)} of {EVENTS} events did not arrive")
        message = socket.recv()
        received.append((time.monotonic_ns(), message))
    ended(source)
    return [(now - decode(message)["monotonic_ns"]) / 1e9 for now, message in received]


def results(guests: int) -> list[Result]:
    """Median and p99.9 over a few rounds, and how many scrapes were answered meanwhile."""
    with Node.create() as node, zmq.Context() as context, context.socket(zmq.SUB) as socket:
        define_and_start(node, guests, idle=True)
        agent = module(node, "agent", "ipc:///run/events.sock", "ipc:///run/requests.sock")
        assert agent.stdout
        page = agent.stdout.readline().strip()
        socket.linger = 0
        socket.subscribe(TOPIC)
        socket.connect(f"ipc://{node.root}/run/events.sock")
        time.sleep(1)  # the agent has listed the guests; the resync's events are no live ones
        while socket.poll(200):
            socket.recv()
        scraping = module(node, "clients", "scrape", f"{page}metrics", str(SCRAPERS))
        rounds = [latencies(node, socket) for _ in range(ROUNDS)]
        answered = int(ended(scraping))
        ended(agent)
    return [
        measure("real_p50", "s", [percentile(values, 50) for values in rounds]),
        measure("real_p99.9", "s", [percentile(values, 99.9) for values in rounds]),
        measure("real_scrapes", "scrapes", [answered]),
    ]
