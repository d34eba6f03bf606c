"""Drivers that raise, block, leak, exit and spin while events flood: nobody else notices."""

import json
import signal
from pathlib import Path

import pytest

from hostmon.client import status as ask_status
from hostmon.status import DriverStatus
from tests.agent_process import wait_for
from tests.contract.distribution import FAULTY, FAULTY_POINTS, make
from tests.contract.test_supervisor import LIMITS, PROCESS_FAULTS
from tests.fault.baseline import Baseline
from tests.fault.fed import FAKE, FedAgent, fed_agent, small_ring
from tests.fault.figures import tell
from tests.fault.test_agent import unexplained
from tests.fault.viewer import Viewer

QUICK = ("blocks", "exits", "leaks-memory")
CHUNK = 4_000


class Configured:
    """An agent whose drivers can be changed while it runs."""

    def __init__(self, folder: Path) -> None:
        self._site = make(folder / "site", "faulty-drivers", FAULTY_POINTS, FAULTY)
        self._journal = folder / "journal"
        self.wrapper = ("env", f"PYTHONPATH={self._site}")

    def config(self, *faulty: str) -> str:
        """The part of a configuration that names drivers: well-behaved ones, and these."""
        names = json.dumps(["prometheus", "journal", "well", *faulty])
        lines = [FAKE.replace("[agent]\n", f"[agent]\ndrivers = {names}\n")]
        lines.append(f'[drivers.journal]\ndirectory = "{self._journal}"')
        for name in faulty:
            lines += [f"[drivers.{name}]", *(f"{key} = {value}" for key, value in LIMITS.items())]
        return "\n".join(lines) + "\n"

    def reload(self, agent: FedAgent, *faulty: str) -> None:
        """Run these besides, from now on."""
        before, _, _ = agent.config.read_text().partition("\n[agent]\n")
        agent.config.write_text(before + self.config(*faulty))
        agent.process.send_signal(signal.SIGHUP)


def drivers(agent: FedAgent) -> dict[str, DriverStatus]:
    """Every driver's status by name."""
    return {one.name: one for one in ask_status(agent.requests, 10).drivers}


@pytest.mark.fault("drivers")
@pytest.mark.timeout(600)
def test_drivers_misbehave_under_a_flood(tmp_path: Path, full: bool) -> None:
    names = tuple(PROCESS_FAULTS) if full else QUICK
    configured = Configured(tmp_path)
    fed = 0
    told: dict[str, int] = {}  # violations of each driver whose fault the agent has named
    with fed_agent(
        tmp_path, config=configured.config(), bus=small_ring(tmp_path), wrapper=configured.wrapper
    ) as agent:
        agent.join("well", "journal")
        agent.feed(CHUNK)
        wait_for(lambda: drivers(agent)["well"].handled >= CHUNK)
        with Viewer.of(agent) as viewer, Baseline(agent.process.pid, agent.port) as baseline:
            configured.reload(agent, *names)

            def each_has_failed() -> bool:
                nonlocal fed
                agent.feed(CHUNK)
                fed += CHUNK
                viewer.caught_up(agent)
                for name, shown in drivers(agent).items():
                    if PROCESS_FAULTS.get(name, "\n") in shown.detail:
                        told[name] = shown.violations
                return told.keys() == set(names)

            wait_for(each_has_failed, 300)
            configured.reload(agent)
            wait_for(lambda: set(drivers(agent)) == {"prometheus", "journal", "well"})
            recovery = viewer.caught_up(agent)
            wait_for(lambda: drivers(agent)["journal"].handled >= fed + CHUNK)
            seen, left = viewer.report(), drivers(agent)
    for name in ("prometheus", "journal", "well"):
        one = left[name]
        assert (one.state, one.restarts, one.errors) == ("running", 0, 0), one
    assert (seen.repairs, seen.holes, seen.disordered) == ({}, 0, 0)
    assert not list(unexplained(tmp_path / "journal"))
    tell(
        "drivers", faulty=len(names), events=fed, lost=seen.holes, recovery_s=recovery,
        violations=sum(told.values()), **baseline.figures(),
    )  # fmt: skip
