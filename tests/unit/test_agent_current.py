"""When the account counts as current: no claim is granted on one that is behind."""

import asyncio
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from hostmon import agent as agent_module
from hostmon._pipe import record
from hostmon.agent import Agent
from hostmon.client import Endpoint, ask
from hostmon.driver.virt import GuestDescription
from hostmon.errors import ProtocolError
from hostmon.settings import AccountSettings, AgentSettings, BusSettings, Settings
from hostmon.status import Answer, ClaimWanted, Request
from hostmon_drivers.prometheus.pages import Pages
from hostmon_drivers.virt_fake.driver import FakeConnection
from tests.agent_process import wait_for


class Slow:
    """Listings and look-ups of the fake hypervisor, which wait while ``free`` is not set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = threading.Event()
        self.free.set()
        listed, found = FakeConnection.guests, FakeConnection.guest

        def guests(connection: FakeConnection) -> Iterator[GuestDescription]:
            self.free.wait(30)
            yield from listed(connection)

        def guest(connection: FakeConnection, name: uuid.UUID) -> GuestDescription:
            self.free.wait(30)
            return found(connection, name)

        monkeypatch.setattr(FakeConnection, "guests", guests)
        monkeypatch.setattr(FakeConnection, "guest", guest)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(monkeypatch)


@pytest.fixture
def host(tmp_path: Path, slow: Slow) -> Iterator[Agent]:
    """An agent of four vCPUs, one of which is taken."""
    made = Agent(
        Settings(
            agent=AgentSettings(virt="fake", drivers=()),
            account=AccountSettings(claim_grace=0),
            virt={"fake": {"guests": 1, "host_vcpus": 4, "host_memory_mib": 8192}},
            bus=BusSettings(
                events=(f"ipc://{tmp_path}/events",), requests=f"ipc://{tmp_path}/requests"
            ),
        )
    )
    made.start()
    wait_for(made.is_current)
    wait_for(lambda: made.account().vcpus.total == 4)
    yield made
    slow.free.set()
    made.stop()


def claim(host: Agent, vcpus: int, guest: uuid.UUID | None = None) -> Answer:
    bus = host._settings.bus
    wanted = ClaimWanted(id=str(uuid.uuid4()), vcpus=vcpus, guest=str(guest) if guest else "")
    return ask(Endpoint("", bus.requests_addresses[0]), Request(ask="claim", claim=wanted))


def refused(host: Agent, vcpus: int) -> bool:
    with pytest.raises(ProtocolError, match="the account may be behind"):
        claim(host, vcpus)
    return not host.status().current


def readyz(host: Agent) -> tuple[int, str]:
    """What the page says: its status and text."""
    pages = Pages(cast("Any", host), cast("Any", None))
    answer = asyncio.run(pages.readyz(cast("Any", None)))
    return answer.status_code, bytes(answer.body).decode()


def start(host: Agent, name: str, vcpus: int) -> uuid.UUID:
    world = host._hypervisor.driver.world  # type: ignore[attr-defined]
    started: uuid.UUID = world.define(name, vcpus=vcpus)
    world.start(name)
    return started


def test_nothing_is_granted_from_a_loss_until_all_was_compared(host: Agent, slow: Slow) -> None:
    """The guest whose events were lost takes what the account calls free."""
    slow.free.clear()
    big = record(1, uuid=uuid.uuid4().bytes, name=b"n" * 60_000)
    while host._pipe.put(big):
        pass
    assert not host.is_current()  # at once: nobody has told of the loss yet
    start(host, "behind", 3)
    wait_for(lambda: host._dispatcher.lost_records > 0)
    assert refused(host, 3)
    assert readyz(host) == (503, "events were lost; not every guest has been compared since\n")
    slow.free.set()
    wait_for(host.is_current)
    assert host.account().vcpus.used == 4


def test_nothing_is_granted_while_a_guest_runs_of_unknown_size(host: Agent, slow: Slow) -> None:
    slow.free.clear()
    start(host, "unsized", 3)
    wait_for(lambda: host.status().active == 2)
    assert refused(host, 3)
    unready = (503, "of guests that run, the size is not known yet of 1\n")
    assert readyz(host) == unready
    slow.free.set()
    wait_for(host.is_current)
    assert readyz(host) == (200, "ready\n")
    assert host.account().vcpus.used == 4


def test_the_start_of_a_guest_with_a_claim_leaves_the_account_current(
    host: Agent, slow: Slow
) -> None:
    """Its claim holds its room until its size is known."""
    world = host._hypervisor.driver.world  # type: ignore[attr-defined]
    guest = world.define("claimed", vcpus=2)
    assert claim(host, 2, guest).state == "granted"  # type: ignore[union-attr]
    slow.free.clear()
    world.start("claimed")
    wait_for(lambda: host.status().active == 2)
    assert host.is_current()
    assert claim(host, 2).state == "refused"  # type: ignore[union-attr]
    slow.free.set()
    wait_for(lambda: host.status().claims.confirmed == 1)
    assert host.account().vcpus.used == 3


def test_a_dispatcher_that_stands_still_is_behind(
    host: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "STILL", 0)
    wait_for(lambda: not host.is_current())
    assert refused(host, 1)
    status, why = readyz(host)
    assert status == 503
    assert why.startswith("the dispatcher has stood still for ")


def test_before_the_first_comparison_the_agent_says_so(
    host: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host._keeper, "has_compared", lambda: False)
    assert readyz(host) == (503, "fake is asked for every guest; not yet done\n")
