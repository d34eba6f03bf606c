"""An agent that lost a part of itself says so, and ends: its service manager starts another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hostmon import agent as agent_module
from hostmon import keys
from hostmon.agent import Agent
from hostmon.client import Endpoint, health
from hostmon.settings import AgentSettings, BusSettings, Settings
from tests.agent_process import AgentProcess, agent, wait_for


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Agent]:
    made = Agent(
        Settings(
            agent=AgentSettings(virt="fake", drivers=()),
            bus=BusSettings(
                events=(f"ipc://{tmp_path}/events",), requests=f"ipc://{tmp_path}/requests"
            ),
        )
    )
    made.start()
    yield made
    made.stop()


def test_a_part_that_ended_is_named(fake: Agent) -> None:
    assert fake.status().ailing == ()
    fake._requests.stop()
    wait_for(lambda: fake.ended() == ("request socket",))
    assert fake.status().ailing == ("request socket",)


def test_a_dispatcher_that_stands_still_is_named(
    fake: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "STILL", 0)
    wait_for(lambda: fake.status().ailing == ("dispatcher: no turn for 0 s",))
    assert fake.ended() == ()


def test_the_bus_says_of_health_what_the_page_says(
    fake: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = Endpoint(f"ipc://{tmp_path}/events", f"ipc://{tmp_path}/requests")
    well = health(endpoint)
    assert (well.ok, well.ailing) == (True, ())
    monkeypatch.setattr(agent_module, "STILL", 0)
    ill = health(endpoint)
    assert not ill.ok
    assert [one.rpartition(" for ")[0] for one in ill.ailing] == ["dispatcher: no turn"]
    monkeypatch.undo()
    monkeypatch.setattr(fake, "connection", lambda: "down")
    away = health(endpoint)
    assert (away.ok, away.connection) == (True, "down")


def test_an_agent_that_is_stopped_lacks_nothing(fake: Agent) -> None:
    fake.stop()
    assert fake.status().ailing == ()


def sabotaged(running: AgentProcess, folder: Path) -> None:
    """Have both sockets opened anew, where the place of one is taken by what can't be removed."""
    place = folder / "events.sock"
    place.unlink()
    place.mkdir()
    keys.revoke(folder / "keys", "one")


def test_a_dispatcher_that_failed_ends_the_process_with_a_clear_line(tmp_path: Path) -> None:
    keys.new_pair(tmp_path / "keys", "agent")
    keys.allow(tmp_path / "keys", "one", keys.new_pair(tmp_path / "own", "one")[0])
    bus = (
        f'[bus]\nkeys = "{tmp_path}/keys"\nevents = ["ipc://{tmp_path}/events.sock"]\n'
        f'requests = "ipc://{tmp_path}/requests.sock"\n'
    )
    with agent(tmp_path, bus=bus) as running:
        assert running.fetch("healthz")[:2] == (200, b"ok\n")
        wait_for(lambda: running.ask("status")["gate"]["keys"] == 1)
        sabotaged(running, tmp_path)
        assert running.process.wait(10) == 1
        log = running.log.read_text()
    assert "CRITICAL hostmon: dispatcher: ended by itself; the agent ends" in log
    assert "the thread dispatcher failed" in log
