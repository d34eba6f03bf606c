"""The host's clock set by an hour while the agent runs: no event's order, number or pace changes.

The wall clock of the agent's process alone is shifted, by a preloaded library: the machine's own is
not ours to set. Its monotonic clock is another in a time namespace.
"""

import os
import shlex
import struct
import subprocess
import sysconfig
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from hostmon.client import guests as ask_guests
from tests.agent_process import AgentProcess, wait_for
from tests.fault.baseline import Baseline
from tests.fault.fed import FAKE, FedAgent, fed_agent
from tests.fault.figures import Value, tell
from tests.fault.test_agent import unexplained
from tests.fault.viewer import Viewer

HOUR = 3600
CHUNK = 20_000
HANDLED = 'hostmon_driver_events_handled_total{driver="noop"}'
PACE_S = 2.2  # a bit over two heartbeats


class Clock:
    """A wall clock that is shifted from outside, for a process started by ``wrapper``."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "clock_shift.so", folder / "clock_shift"
        compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
        source = Path(__file__).with_name("clock_shift.c")
        command = [*shlex.split(compiler), "-shared", "-fPIC", "-o", str(library), str(source)]
        subprocess.run(command, check=True)
        self.set(0)
        self.wrapper = ("env", f"LD_PRELOAD={library}", f"CLOCK_SHIFT={self._file}")

    def set(self, seconds: int) -> None:
        """So far from what it is really, from now on."""
        with self._file.open("r+b" if self._file.exists() else "w+b") as file:
            file.write(struct.pack("q", seconds))


def calls(agent: AgentProcess) -> float:
    """How often the hypervisor was asked for statistics, once a second."""
    return agent.metrics()["hostmon_hypervisor_calls_total"]


def paced(agent: FedAgent, viewer: Viewer) -> dict[str, float]:
    """How the agent's cadences and events go now: a count for a few seconds, events a second."""
    beats, asked, began = viewer.report().heartbeats, calls(agent), time.monotonic()
    agent.feed(CHUNK)
    rate = CHUNK / (viewer.caught_up(agent) + time.monotonic() - began)
    wait_for(lambda: time.monotonic() - began > PACE_S)
    seen = viewer.report()
    return {
        "heartbeats": seen.heartbeats - beats,
        "calls": calls(agent) - asked,
        "rate": rate,
        "shift": round(seen.wall_s - time.time()),
    }


@pytest.mark.fault("clock")
def test_the_clock_is_set_by_an_hour_either_way(tmp_path: Path, full: bool) -> None:
    clock = Clock(tmp_path)
    config = FAKE.replace("[agent]\n", '[agent]\ndrivers = ["prometheus", "journal"]\n')
    config += f'[drivers.journal]\ndirectory = "{tmp_path}/journal"\n'
    shifts = [HOUR, -HOUR, 0] * (5 if full else 1)
    paces = []
    with ExitStack() as held:
        agent = held.enter_context(fed_agent(tmp_path, config=config, wrapper=clock.wrapper))
        agent.feed(100_000)
        viewer = held.enter_context(Viewer.of(agent))
        baseline = held.enter_context(Baseline(agent.process.pid, agent.port))
        for shift in shifts:
            clock.set(shift)
            paces.append(paced(agent, viewer))
        seen = viewer.report()
    shown = [pace["shift"] for pace in paces]
    assert all(abs(s - pace) < 3 for s, pace in zip(shifts, shown, strict=True)), shown
    assert {pace["heartbeats"] for pace in paces} <= {2, 3}
    assert all(1 <= pace["calls"] < 20 for pace in paces), "an hour of them was made up for"
    assert (seen.repairs, seen.holes, seen.disordered) == ({}, 0, 0)
    assert not list(unexplained(tmp_path / "journal"))
    figures: dict[str, Value] = {
        "heartbeats": str([int(pace["heartbeats"]) for pace in paces]),
        "events_a_second": str([int(pace["rate"]) for pace in paces]),
    }
    tell("clock", shifts_s=str(shifts), events=seen.events, lost=0, **figures, **baseline.figures())


@pytest.mark.fault("clock-restart")
def test_an_agent_that_starts_an_hour_before_its_former_run(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    with fed_agent(tmp_path, wrapper=clock.wrapper) as agent, Viewer.of(agent) as viewer:
        agent.feed(CHUNK)
        viewer.caught_up(agent)
        before = viewer.report()
        agent.close()
        clock.set(-HOUR)
        began = time.monotonic()
        with fed_agent(tmp_path, wrapper=clock.wrapper) as again:
            again.feed(CHUNK // 2)
            viewer.caught_up(again)
            recovery = time.monotonic() - began
            seen = viewer.report()
    assert seen.epoch < before.epoch - (HOUR - 60) * 10**9
    assert seen.disordered == 0
    tell("clock-restart", repairs=str(seen.repairs), recovery_s=recovery, lost=seen.holes)


@pytest.mark.fault("clock-monotonic")
@pytest.mark.parametrize("offset", [HOUR, -HOUR])
def test_a_monotonic_clock_of_its_own(tmp_path: Path, offset: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes time namespaces")
    if time.monotonic() + offset < 0:
        pytest.skip("this machine has not run for an hour: its clock can't be an hour behind")
    inside = ("unshare", "--time", "--fork", "--kill-child", f"--monotonic={offset}")
    config = FAKE.replace("[agent]\n", '[agent]\ndrivers = ["prometheus", "noop"]\n')
    with (
        fed_agent(tmp_path, config=config, wrapper=inside) as agent,
        Viewer.of(agent) as viewer,
    ):
        agent.feed(CHUNK)
        viewer.caught_up(agent)
        seen = viewer.report()
        wait_for(lambda: agent.metrics()[HANDLED] >= CHUNK)
        known = max(guest.known_ns for guest in ask_guests(agent.requests).guests)
        lag = agent.metrics()['hostmon_driver_lag_seconds{driver="noop"}']
    assert abs(known / 1e9 - time.monotonic() - offset) < 60, "it is not in a namespace"
    assert seen.oldest_s is not None
    assert 0 <= seen.oldest_s < 60, "the age of what is known needs no common clock"
    assert 0 < lag < 60
    assert (seen.repairs, seen.holes, seen.disordered) == ({}, 0, 0)
    tell("clock-monotonic", offset_s=offset, events=seen.events, lost=0, oldest_s=seen.oldest_s)
