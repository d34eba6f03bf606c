"""Subscribers that stop, lag or are none at all: the agent stays small, they repair themselves."""

import random
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from tests.agent_process import free_port, wait_for
from tests.fault.baseline import MIB, Baseline
from tests.fault.fed import FedAgent, fed_agent
from tests.fault.figures import tell
from tests.fault.viewer import Viewer
from tests.zmtp import CURVE, GREETING, NULL, ready

WARM_UP = 100_000  # fills the ring
QUEUE = 64 * MIB  # what one subscriber that reads nothing may make the agent hold at most
CHUNK = 20_000
LATER = "failed_handshakes"  # counted once the time for it is over


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FedAgent]:
    folder = tmp_path_factory.mktemp("peers")
    ports = free_port(), free_port()
    bus = (
        f'[bus]\nring_mib = 1\nevents = ["ipc://{folder}/events.sock", "tcp://127.0.0.1:{ports[0]}"]\n'
        f'requests = ["ipc://{folder}/requests.sock", "tcp://127.0.0.1:{ports[1]}"]\n'
    )
    with fed_agent(folder, bus=bus) as running:
        running.addresses = {
            f"ipc://{folder}/events.sock": b"SUB",
            f"ipc://{folder}/requests.sock": b"DEALER",
            f"tcp://127.0.0.1:{ports[0]}": b"SUB",
            f"tcp://127.0.0.1:{ports[1]}": b"DEALER",
        }
        running.feed(WARM_UP)
        yield running


def around(agent: FedAgent) -> Baseline:
    return Baseline(agent.process.pid, agent.port)


def peers(agent: FedAgent) -> int:
    """Connections to the events' socket."""
    return int(agent.metrics()['hostmon_bus_peers{socket="events"}'])


def feed(agent: FedAgent, count: int, keeping_up: Viewer, baseline: Baseline) -> None:
    """Feed as fast as one subscriber follows: what it loses it would lose to us."""
    had = keeping_up.report().resumed
    for fed in range(0, count, CHUNK):
        agent.feed(CHUNK)
        baseline.look()
        least = had + max(0, fed - CHUNK) // 2
        wait_for(lambda: keeping_up.report().resumed >= least)  # noqa: B023
    wait_for(lambda: keeping_up.report().resumed == had + count // 2)


@pytest.mark.fault("subscriber-stopped")
@pytest.mark.timeout(300)
def test_a_subscriber_stopped_under_a_flood(agent: FedAgent, full: bool) -> None:
    count = 1_000_000 if full else 240_000
    with Viewer.of(agent) as other:
        alone = peers(agent)
        with Viewer.of(agent) as viewer, around(agent) as baseline:
            viewer.process.send_signal(signal.SIGSTOP)
            feed(agent, count, other, baseline)
            # It takes nothing: the agent drops it, and what it held for it.
            wait_for(lambda: peers(agent) == alone)
            viewer.process.send_signal(signal.SIGCONT)
            recovery = viewer.caught_up(agent)
            seen, unharmed = viewer.report(), other.report()
    assert baseline.most - baseline.before.resident <= QUEUE
    assert unharmed.repairs == {}
    assert (unharmed.holes, unharmed.disordered, seen.disordered) == (0, 0, 0)
    assert seen.repairs == {"gap by snapshot": 1}, "it missed more than the ring holds"
    tell(
        "subscriber-stopped", events=count, lost_by_others=0, recovery_s=recovery,
        **baseline.figures(),
    )  # fmt: skip


@pytest.mark.fault("subscriber-slow")
@pytest.mark.timeout(300)
def test_a_slow_subscriber(agent: FedAgent, full: bool) -> None:
    count = 600_000 if full else 280_000
    with Viewer.of(agent) as other, Viewer.of(agent) as viewer:
        lag(agent, WARM_UP, other, viewer, around(agent))  # room for a replay is not given back
        with around(agent) as baseline:
            behind, recovery = lag(agent, count, other, viewer, baseline)
        seen, unharmed = viewer.report(), other.report()
    assert baseline.most - baseline.before.resident <= QUEUE
    assert unharmed.repairs == {}
    assert (unharmed.holes, unharmed.disordered, seen.disordered) == (0, 0, 0)
    assert seen.repairs or seen.holes == 0
    tell(
        "subscriber-slow", events=count, behind=behind, repairs=str(seen.repairs),
        lost_by_others=0, recovery_s=recovery, **baseline.figures(),
    )  # fmt: skip


def lag(
    agent: FedAgent, count: int, other: Viewer, viewer: Viewer, baseline: Baseline
) -> tuple[int, float]:
    """Feed while one subscriber is slow; how many it was behind then, seconds to catch up."""
    had = viewer.tell("slow 0.001").resumed
    feed(agent, count, other, baseline)
    behind = had + count // 2 - viewer.tell("slow 0").resumed
    assert behind > count // 4, "it was not slow"
    return behind, viewer.caught_up(agent, 60)


def strange(chance: random.Random) -> dict[str, bytes]:
    """What strangers send that shake no hands."""
    return {
        "http": b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(64),
        "random": chance.randbytes(4096),
        "nothing": b"",
        "half a greeting": GREETING[:7],
        "another version": b"\xff" + bytes(8) + b"\x7f" + b"\x01\x00",
        "half a curve": CURVE + b"\x04\x19\x05HELLO",
        "huge command": NULL + b"\x06" + b"\x7f" * 8,
        "another kind": ready(b"PULL"),
    }


def hostile(chance: random.Random) -> dict[str, bytes]:
    """What somebody sends that has shaken hands."""
    return {
        "huge frame": b"\x02" + b"\x7f" * 8,
        "no frames": chance.randbytes(4096),
        "random in frames": frames(chance),
        "questions in part": b"\x01\x00" * 500,
    }


def frames(chance: random.Random) -> bytes:
    """Well-formed frames of random content: no subscriptions, no questions."""
    contents = [chance.randbytes(chance.randrange(200)) for _ in range(50)]
    return b"".join(b"\x00" + bytes([len(c)]) + c for c in contents)


def say(address: str, said: bytes, held: ExitStack, kind: bytes = b"") -> None:
    """Connect to one of the agent's sockets, shake hands as a kind if one is given, say this."""
    if address.startswith("ipc://"):
        peer = socket.socket(socket.AF_UNIX)
        path: Any = address.removeprefix("ipc://")
    else:
        peer = socket.socket()
        path = ("127.0.0.1", int(address.rpartition(":")[2]))
    held.enter_context(peer)
    peer.settimeout(2)
    with suppress(OSError):  # cut off while we speak
        peer.connect(path)
        if kind:
            peer.sendall(ready(kind))
            greeted = b""
            while b"READY" not in greeted and (more := peer.recv(4096)):
                greeted += more
        peer.sendall(said)


def counts(agent: FedAgent) -> dict[str, int]:
    """What the agent counts of what it ignores, both sockets together."""
    metrics = agent.metrics()
    return {
        name: int(sum(v for key, v in metrics.items() if key.startswith(f"hostmon_bus_{name}_")))
        for name in ("failed_handshakes", "ignored_messages", "refused_requests")
    }


@pytest.mark.fault("garbage")
def test_rubbish_on_every_socket(agent: FedAgent, full: bool) -> None:
    chance = random.Random(5)
    rounds = 50 if full else 3
    begun = counts(agent)
    said = 0
    with Viewer.of(agent) as viewer, around(agent) as baseline:
        alone = peers(agent)
        for _ in range(rounds):
            before = counts(agent)
            with ExitStack() as held:
                for address, kind in agent.addresses.items():
                    for what in strange(chance).values():
                        say(address, what, held)
                    for what in hostile(chance).values():
                        say(address, what, held, kind)
                    said += len(strange(chance)) + len(hostile(chance))
                agent.feed(CHUNK // 10)
                wait_for(lambda: all(n > before[k] for k, n in counts(agent).items() if k != LATER))  # noqa: B023
        wait_for(lambda: peers(agent) == alone)
        # Each of those that shook no hands, and no other.
        strangers = said * len(strange(chance)) // (len(strange(chance)) + len(hostile(chance)))
        wait_for(
            lambda: counts(agent)["failed_handshakes"] == begun["failed_handshakes"] + strangers
        )
        seconds = viewer.caught_up(agent)
        seen = viewer.report()
    counted = {name: count - begun[name] for name, count in counts(agent).items()}
    assert (seen.repairs, seen.holes, seen.disordered) == ({}, 0, 0)
    tell(
        "garbage", connections=said, events=rounds * CHUNK // 10, lost=0, recovery_s=seconds,
        **counted, **baseline.figures(),
    )  # fmt: skip
