"""More than the agent should give: subscriptions by the hundred thousand, floods of connections."""

import errno
import resource
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import zmq

from hostmon.gate import FEWEST_DESCRIPTORS
from tests.agent_process import HOSTMON, wait_for
from tests.fault.baseline import MIB, Baseline
from tests.fault.fed import FedAgent, fed_agent, small_ring
from tests.fault.figures import tell
from tests.fault.viewer import Viewer

SUBSCRIPTIONS = 200_000
SUBSCRIBING = 64 * MIB  # libzmq keeps what one client subscribes to until that one is cut off
CHUNK = 2_000
FLOODED = ("events", "requests", "http")
WARM_UP = 1_500
WAVE = 4_000


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FedAgent]:
    folder = tmp_path_factory.mktemp("limits")
    with fed_agent(folder, bus=small_ring(folder)) as running:
        running.feed(100_000)  # fills the ring
        yield running


@pytest.mark.fault("subscriptions")
def test_two_hundred_thousand_subscriptions_by_one_client(agent: FedAgent, full: bool) -> None:
    turns = 5 if full else 1
    cut_off = 0
    with Viewer.of(agent) as viewer, Baseline(agent.process.pid, agent.port) as baseline:
        for turn in range(turns):
            with zmq.Context() as context, context.socket(zmq.SUB) as greedy:
                greedy.linger = 0
                greedy.reconnect_ivl = -1
                greedy.sndhwm = 0
                greedy.connect(agent.events)
                for number in range(SUBSCRIPTIONS):
                    greedy.subscribe(b"lifecycle/lifecycle/%036d" % number)
                agent.feed(CHUNK)
                wait_for(lambda: (baseline.look(), cut(agent))[1] == turn + 1)  # noqa: B023
        cut_off = cut(agent)
        recovery = viewer.caught_up(agent)
        seen = viewer.report()
    assert baseline.most - baseline.before.resident < SUBSCRIBING
    assert (seen.repairs, seen.holes, seen.disordered) == ({}, 0, 0)
    tell(
        "subscriptions", subscriptions=SUBSCRIPTIONS * turns, cut_off=cut_off,
        events=turns * CHUNK, lost=seen.holes, recovery_s=recovery, **baseline.figures(),
    )  # fmt: skip


def cut(agent: FedAgent) -> int:
    return int(agent.metrics()["hostmon_bus_cut_off_peers_total"])


@contextmanager
def flooding(connect: Callable[[], socket.socket], count: int) -> Iterator[None]:
    """So many connections that say nothing, made as fast as it goes, held to the end."""
    with ExitStack() as held:

        def flood() -> None:
            for _ in range(count):
                with suppress(OSError):
                    held.enter_context(connect())

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            yield
        finally:
            thread.join()


def to_file(path: Path) -> socket.socket:
    """A connection to a socket file, however long the queue of others is."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(1)
    wait_for(lambda: peer.connect_ex(str(path)) != errno.EAGAIN)
    return peer


def to_port(port: int) -> socket.socket:
    """The same to a port: the kernel makes it when there is room in the queue."""
    peer = socket.socket()
    peer.setblocking(False)
    peer.connect_ex(("127.0.0.1", port))
    return peer


def flood(agent: FedAgent, folder: Path, name: str, count: int) -> AbstractContextManager[None]:
    """Connections to one of the agent's sockets."""
    path = folder / f"{name}.sock"
    connect = (lambda: to_port(agent.port)) if name == "http" else (lambda: to_file(path))
    return flooding(connect, count)


@pytest.mark.fault("descriptors")
def test_floods_while_descriptors_are_few(tmp_path: Path, full: bool) -> None:
    waves = 5 if full else 1  # the kernel lets 4,096 wait for HTTP; whoever finds no room is late
    limit = ["prlimit", f"--nofile=64:{FEWEST_DESCRIPTORS}"]
    own = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as held:
        agent = held.enter_context(fed_agent(tmp_path, wrapper=limit))
        assert descriptors_allowed(agent.process.pid) == FEWEST_DESCRIPTORS, "it raised its limit"
        agent.feed(100_000)
        for name in FLOODED:  # what a first crowd needs is no growth
            with flood(agent, tmp_path, name, WARM_UP):
                agent.feed(CHUNK)
        viewer = held.enter_context(Viewer.of(agent))
        baseline = held.enter_context(Baseline(agent.process.pid, agent.port))
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, own)
        resource.setrlimit(resource.RLIMIT_NOFILE, (own[1], own[1]))
        most = 0
        for name in FLOODED * waves:
            with flood(agent, tmp_path, name, WAVE):
                for _ in range(10):
                    agent.feed(CHUNK)
                    most = max(most, baseline.look().descriptors)
        recovery = viewer.caught_up(agent)
        seen = viewer.report()
        crowded_out = int(agent.metrics()["hostmon_bus_crowded_out_peers_total"])
    assert crowded_out > waves * WAVE
    assert most < FEWEST_DESCRIPTORS
    assert (seen.repairs, seen.holes, seen.disordered) == ({}, 0, 0)
    tell(
        "descriptors", limit=FEWEST_DESCRIPTORS, connections=3 * waves * WAVE,
        crowded_out=crowded_out,
        descriptors_most=most, events=30 * waves * CHUNK, lost=seen.holes, recovery_s=recovery,
        **baseline.figures(),
    )  # fmt: skip


def descriptors_allowed(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]


@pytest.mark.fault("descriptors-64")
def test_too_few_descriptors_are_refused_in_one_line(tmp_path: Path) -> None:
    limited = ["prlimit", "--nofile=64:64", *HOSTMON, "run", "--demo"]
    result = subprocess.run(limited, capture_output=True, text=True, timeout=30, cwd=tmp_path)
    assert result.returncode == 2, "systemd does not try again what can't work"
    errors = [line for line in result.stderr.splitlines() if "hostmon: " in line]
    told = "open files are limited to 64; allow 4096 at least"
    assert errors == [f"hostmon: {told} (LimitNOFILE of the service, or ulimit -Hn)"]
    tell("descriptors-64", exit_code=result.returncode, lines=len(result.stderr.splitlines()))
