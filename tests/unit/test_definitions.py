"""What is kept of guests' definitions: the same as was read, in little memory."""

import tracemalloc
import uuid as uuidlib
from pathlib import Path
from typing import Any, cast

import pytest

from bench.recorded.host import RecordedConnection, uuid_of
from hostmon import agent
from hostmon._table import GuestTable
from hostmon.claims import claim_of
from hostmon.definitions import Definitions
from hostmon.driver.virt import GuestDescription
from hostmon.facts import facts_of
from hostmon.images.declared import disks_of
from hostmon.machine.files import HERE
from hostmon.settings import AgentSettings, BusSettings, Settings
from hostmon.xml.domain import Domain
from tests.unit.test_labels import XML

ONE = uuid_of(1).bytes
CLOUD = 500


def guests(tmp_path: Any, count: int) -> list[GuestDescription]:
    return list(RecordedConnection(tmp_path, count).guests())


def test_what_is_kept_is_what_was_understood() -> None:
    bound: list[bytes] = []

    def bind(uuid: bytes, _bindings: object) -> bool:
        bound.append(uuid)
        return True

    table = GuestTable()
    table.upsert(ONE, b"web")
    definitions = Definitions(table, bind=bind)
    domain = Domain.parse(XML)
    found = definitions.update(ONE, XML, None)
    assert found is not None
    assert found.facts == facts_of(domain)
    assert found.claim == claim_of(ONE, domain, None)
    assert found.images == tuple(disks_of(ONE, domain))
    assert definitions.describe(str(uuidlib.UUID(bytes=ONE))) == found.facts
    assert definitions.read(ONE, XML, None) == found
    assert definitions.place()
    definitions.update(ONE, XML, None)
    assert definitions.place()
    assert bound == [ONE], "told once: nothing changed"
    devices = table.snapshot().guest(ONE)
    assert [(disk.key, disk.target) for disk in devices.disks] == found.disks
    assert [(nic.key, nic.target) for nic in devices.interfaces] == found.interfaces


def test_pages_without_a_size_are_the_hosts() -> None:
    definitions = Definitions(GuestTable(), huge_page=1 << 30)
    found = definitions.read(
        ONE,
        None,
        "<domain type='kvm'><name>a</name><memory unit='GiB'>4</memory>"
        "<memoryBacking><hugepages/></memoryBacking></domain>",
    )
    assert found is not None
    assert [one.page_size for one in found.bindings] == [1 << 30]


def test_the_agent_tells_the_hosts_huge_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    class Told(Definitions):
        def __init__(self, *options: Any) -> None:
            super().__init__(*options)
            told.append(self._huge_page)

    monkeypatch.setattr(agent, "Definitions", Told)
    monkeypatch.setattr(agent, "default_huge_page", lambda roots: {HERE: 1 << 30}[roots])
    bus = BusSettings(events=(f"ipc://{tmp_path}/events",), requests=f"ipc://{tmp_path}/requests")
    made = agent.Agent(Settings(agent=AgentSettings(virt="fake", drivers=()), bus=bus))
    made.start()  # or its sockets are nobody's to close
    made.stop()
    assert told == [1 << 30]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "number", [f"<memory>{'9' * 30}</memory>", "<vcpu>18446744073709551616</vcpu>"]
)
def test_a_number_larger_than_any_computers_is_not_understood(
    caplog: pytest.LogCaptureFixture, number: str
) -> None:
    definitions = Definitions(GuestTable())
    absurd = f"<domain type='kvm'><name>a</name>{number}</domain>"
    for _ in range(2):
        assert definitions.update(ONE, None, absurd) is None
    assert len(caplog.records) == 1
    assert definitions.update(ONE, None, "<domain type='kvm'><name>a</name></domain>") is not None


def test_a_definition_is_kept_in_a_kilobyte(tmp_path: Any) -> None:
    definitions = Definitions(cast("Any", None))
    definitions.update(guests(tmp_path, 1)[0].uuid.bytes, XML, None)  # what is made once
    described = guests(tmp_path, CLOUD)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for guest in described:
            definitions.update(guest.uuid.bytes, guest.live, guest.config)
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(definitions) == CLOUD
    assert kept < 1024 * CLOUD
