"""Two agents in one process do not see each other; one on a hypervisor that misbehaves heals."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hostmon.agent import Agent
from hostmon.client import Endpoint, Subscriber
from hostmon.events import DomainEvent
from hostmon.settings import AgentSettings, BusSettings, ConnectionSettings, Settings
from hostmon_drivers.virt_fake import World
from hostmon_drivers.virt_fake.driver import FakeConnection, FakeDriver
from tests.agent_process import wait_for


@contextmanager
def agent(
    folder: Path, *drivers: str, refresh: float = 5.0, **fake: Any
) -> Iterator[tuple[Agent, Endpoint, World]]:
    """An agent of a fake world."""
    folder.mkdir(exist_ok=True)
    endpoint = Endpoint(f"ipc://{folder}/events", f"ipc://{folder}/requests")
    made = Agent(
        Settings(
            agent=AgentSettings(virt="fake", uri="fake:///", host=folder.name, drivers=drivers),
            bus=BusSettings(events=(endpoint.events,), requests=endpoint.requests),
            connection=ConnectionSettings(retry_first=0.02, retry_longest=0.05, refresh=refresh),
            virt={"fake": fake},
        )
    )
    driver = made._hypervisor.driver
    assert isinstance(driver, FakeDriver)
    made.start()
    try:
        wait_for(lambda: made.connection() == "up")
        yield made, endpoint, driver.world
    finally:
        made.stop()


def test_two_agents_do_not_see_each_other(tmp_path: Path) -> None:
    with ExitStack() as stack:
        agents = [stack.enter_context(agent(tmp_path / n, "noop", guests=2)) for n in ("a", "b")]
        (first, one, world), (second, two, second_world) = agents
        subscribers = [stack.enter_context(Subscriber(end, view=True)) for end in (one, two)]
        for each in subscribers:
            view = each.views[0]
            while len(view.guests) < 2:
                assert each.receive(10) is not None
        for number in range(50):
            world.define(f"only-{number}")
        wait_for(lambda: subscribers[0].receive(0) is None and len(first.guests()) == 52)
        assert len(second.guests()) == 2
        assert second.status().kinds != first.status().kinds
        assert b"only-" in first.metrics()
        assert b"only-" not in second.metrics()
        second_world.define("end")
        named = []
        while "end" not in named:
            event = subscribers[1].receive(10)
            assert event is not None
            assert event.host == "b"
            named += [event.name] if isinstance(event, DomainEvent) else []
        assert not [name for name in named if name.startswith("only-")]
        first.stop()
        wait_for(lambda: second.status().drivers[0].state == "running")
        assert second.connection() == "up"


def test_a_loss_of_the_connection_is_healed_and_what_came_meanwhile_is_found(
    tmp_path: Path,
) -> None:
    with agent(tmp_path / "a", guests=3) as (made, endpoint, world):
        wait_for(lambda: len(made.guests()) == 3)
        with Subscriber(endpoint, view=True) as subscriber:
            view = subscriber.views[0]
            wait_for(lambda: subscriber.receive(0.05) and view.joined)
            world.go_away("is being upgraded")
            wait_for(lambda: made.connection() == "down")
            wait_for(lambda: {guest.presence for guest in made.guests()} == {"unknown"})
            world.vanish("fake-1")
            world.stop("fake-2")
            world.come_back()
            wait_for(lambda: made.connection() == "up" and len(made.guests()) == 2)
            wait_for(lambda: subscriber.receive(0.05) is None or len(view.guests) == 2)
            wait_for(lambda: states(made) == {"fake-2": "shutoff", "fake-3": "running"})


def states(made: Agent) -> dict[str, str | int]:
    return {guest.name: guest.state for guest in made.guests()}


def test_a_guest_that_vanishes_without_a_word_is_found_by_comparing(tmp_path: Path) -> None:
    with agent(tmp_path / "a", guests=3, refresh=0.1) as (made, _, world):
        wait_for(lambda: len(made.guests()) == 3)
        world.vanish("fake-2")
        wait_for(lambda: set(states(made)) == {"fake-1", "fake-3"})


def test_a_breach_of_the_contract_costs_a_connection_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agent(tmp_path / "a", guests=1) as (made, _, world):
        wait_for(lambda: len(made.guests()) == 1)
        with monkeypatch.context() as broken:
            broken.setattr(FakeConnection, "guests", lambda _: ["no guest"])
            world.go_away()
            world.come_back()
            wait_for(lambda: "guests() returned list" in made.connection_reason())
            assert made.connection() == "down"
            assert made.status().virt_violations >= 1
            assert b"hostmon_virt_violations_total 0.0" not in made.metrics()
        wait_for(lambda: made.connection() == "up")
        world.define("new")
        wait_for(lambda: len(made.guests()) == 2)


def test_a_stuck_guest_ages_alone(tmp_path: Path) -> None:
    with agent(tmp_path / "a", guests=2, cadence=0.05) as (made, _, world):
        made._asker._deadline = 0.1
        table = made._table

        def ages() -> dict[str, int]:
            snapshot = table.snapshot()
            guests = [snapshot.guest(uuid) for uuid in snapshot.uuids]
            return {guest.name.decode(): max(guest.valid.values(), default=0) for guest in guests}

        wait_for(lambda: all(ages().values()) and len(ages()) == 2)
        world.stick("fake-1")
        wait_for(lambda: made._asker.report().stuck == 1)
        before = ages()
        wait_for(lambda: ages()["fake-2"] > before["fake-2"])
        assert ages()["fake-1"] == before["fake-1"]
        world.free("fake-1")
        wait_for(lambda: ages()["fake-1"] > before["fake-1"])
