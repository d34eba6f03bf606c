"""The agent ended under load, and killed at random: nobody is told anything false, all rejoin."""

import random
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hostmon import journal
from hostmon.events import Event
from hostmon.journal import GapMark
from hostmon.kinds import CLASS_OF
from hostmon.wire import kind_of
from tests.agent_process import AgentProcess, wait_for
from tests.fault.baseline import MIB, footprint
from tests.fault.churn import Churn
from tests.fault.fed import FAKE, GUESTS, fed_agent
from tests.fault.figures import tell
from tests.fault.listing import differences, listed
from tests.fault.viewer import Viewer
from tests.lab.guests import define, start
from tests.lab.node import Node, missing

ENDS_WITHIN = 2.0
REJOINED_WITHIN = 30.0
LOAD = 600_000
STALLED = 5  # seconds that one subscriber takes for an event: its queue of 100,000 fills


@pytest.mark.fault("terminated")
def test_sigterm_under_load(tmp_path: Path) -> None:
    config = FAKE.replace("[agent]\n", '[agent]\ndrivers = ["prometheus", "journal"]\n')
    config += f'[drivers.journal]\ndirectory = "{tmp_path}/journal"\n'
    with ExitStack() as held:
        agent = held.enter_context(fed_agent(tmp_path, config=config))
        stopped, stalled, viewer = (held.enter_context(Viewer.of(agent)) for _ in range(3))
        slow = held.enter_context(socket.create_connection(("127.0.0.1", agent.port)))
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost:")  # and no more of it
        stopped.process.send_signal(signal.SIGSTOP)
        stalled.tell(f"slow {STALLED}")
        before = footprint(agent.process.pid).resident
        agent.order(LOAD)
        wait_for(lambda: viewer.report().events > LOAD // 20)
        began = time.monotonic()
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(10) == 0, agent.log.read_text()
        took = time.monotonic() - began
        seen = viewer.report()
        wait_for(lambda: viewer.report().complete)  # it has looked at all that came
        left = viewer.report()
        # Its queue is full, and so it learns late that nobody is there any more.
        stalled.tell("slow 0")
        stopped.process.send_signal(signal.SIGCONT)
        for late in (stalled, stopped):
            wait_for(lambda: late.report().complete)  # noqa: B023
    assert took < ENDS_WITHIN
    assert not list(tmp_path.glob("*.sock"))
    assert (left.disordered, left.kinds) == (0, ["resumed", "suspended"])
    assert {guest.presence for guest in left.guests} == {"present"}
    assert len(left.guests) == GUESTS
    problems = list(unexplained(tmp_path / "journal"))
    assert not problems
    tell(
        "terminated", events=seen.events, lost=seen.holes, took_s=took,
        memory_before_mib=round(before / MIB, 1),
    )  # fmt: skip


def unexplained(directory: Path) -> Iterator[str]:
    """Where the journal lacks events of a class without saying so, or has them twice."""
    last: dict[str, tuple[int, int]] = {}
    marked: dict[str, GapMark] = {}
    for path in journal.files(directory):
        for line in journal.lines(path):
            if isinstance(line, GapMark):
                marked[line.class_] = line
            elif isinstance(line, Event) and (class_ := CLASS_OF.get(kind_of(line))):
                epoch, number = last.get(class_, (line.epoch, 0))
                mark = marked.pop(class_, None)
                if line.epoch == epoch:
                    follows = line.sequence == number + 1 or (
                        mark is not None
                        and (mark.epoch, mark.first, mark.last)
                        == (epoch, number + 1, line.sequence - 1)
                    )
                else:  # of a new run of the agent everything is replayed
                    follows = mark is not None and mark.epoch == epoch and line.sequence == 1
                if not follows:
                    yield f"{class_} {epoch}/{number} -> {line.epoch}/{line.sequence}: {mark}"
                last[class_] = (line.epoch, line.sequence)


def started(folder: Path, node: Node) -> AgentProcess:
    """An agent of the node, with a journal; not ready yet."""
    return AgentProcess(
        folder,
        "--uri",
        node.uri_readonly,
        config=f"""
[agent]
drivers = ["prometheus", "journal"]
[drivers.journal]
directory = "{folder}/journal"
""",
    )


@pytest.mark.fault("killed")
@pytest.mark.timeout(900)
def test_killed_at_random(tmp_path: Path, full: bool) -> None:
    if reason := missing():
        pytest.skip(reason)
    kills = 50 if full else 3
    chance = random.Random(9)
    recoveries = []
    with Node.create() as node:
        guests = define(node, 6, idle=True)
        start(node, guests[:3])
        agent = started(tmp_path, node)
        try:
            agent.wait_until_ready()
            with Viewer.of(agent) as viewer:
                before = footprint(viewer.process.pid)
                with Churn(node, guests, 9):
                    for _ in range(kills):
                        time.sleep(chance.random() * 0.6)  # whatever it does then
                        agent.process.kill()
                        agent.close()
                        epoch, began = viewer.report().epoch, time.monotonic()
                        agent = started(tmp_path, node)
                        wait_for(
                            lambda: viewer.report().epoch != epoch,  # noqa: B023
                            REJOINED_WITHIN,
                        )
                        recoveries.append(time.monotonic() - began)
                viewer.caught_up(agent)
                wait_for(lambda: not differences(listed(node), viewer.by_name()))
                seen, after = viewer.report(), footprint(viewer.process.pid)
            problems = list(unexplained(tmp_path / "journal"))
            assert agent.stop() == 0
        finally:
            agent.close()
    assert not problems
    assert seen.disordered == 0
    assert after.descriptors <= before.descriptors
    assert after.threads <= before.threads
    tell(
        "killed", kills=kills, events=seen.events, lost=len(problems), repairs=str(seen.repairs),
        recovery_s=sorted(recoveries)[kills // 2], slowest_recovery_s=max(recoveries),
        memory_before_mib=round(before.resident / MIB, 1),
        memory_after_mib=round(after.resident / MIB, 1),
    )  # fmt: skip
