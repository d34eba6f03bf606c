"""What the libvirt driver says of a guest that starts while it is asked about, and of its reach."""

from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from hostmon import kinds
from hostmon._pipe import EventPipe
from hostmon.errors import HostmonError, NotConnectedError, ObjectNotFoundError, UnsupportedError
from hostmon.guest.facts import GuestFacts
from hostmon.host import Host
from hostmon_drivers.virt_libvirt.connection import TRIES, LibvirtConnection

UUID_OF_GUEST = UUID(int=7)


def a_guest(id_: int, state: int) -> Any:
    facts = GuestFacts(
        state=state, reason=1, memory_max=1, memory=1, vcpus=1, cpu_time_ns=0, persistent=True,
        autostart=False,
    )  # fmt: skip
    guest = Mock(id=id_, uuid=UUID_OF_GUEST)
    guest.name = "web-1"
    guest.facts.return_value = facts
    guest.xml.return_value = "<domain/>"
    return guest


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The clock: each look is the next number."""
    looks: list[int] = []

    def look() -> int:
        looks.append(len(looks) + 1)
        return looks[-1]

    monkeypatch.setattr("time.monotonic_ns", look)
    return looks


def connected(host: Mock) -> LibvirtConnection:
    made = object.__new__(LibvirtConnection)
    made._host = host
    return made


def test_a_guest_that_started_after_the_list_is_asked_again(times: list[int]) -> None:
    host = Mock()
    host.list_guests.return_value = [a_guest(-1, kinds.STATE_RUNNING)]
    host.guest.return_value = a_guest(26, kinds.STATE_RUNNING)
    (found,) = connected(host).guests()
    assert (found.id, found.state, found.asked_ns) == (26, kinds.STATE_RUNNING, 2)


def test_what_is_listed_is_as_old_as_the_list(times: list[int]) -> None:
    host = Mock()

    def listed() -> list[Any]:
        assert times == [1], "an event after the list must count as later"
        return [a_guest(3, kinds.STATE_PAUSED), a_guest(-1, kinds.STATE_SHUTOFF)]

    host.list_guests.side_effect = listed
    assert [one.asked_ns for one in connected(host).guests()] == [1, 1]
    assert not host.guest.called


def test_a_guest_that_never_stands_still_is_left_to_its_events(times: list[int]) -> None:
    host = Mock()
    host.guest.return_value = a_guest(-1, kinds.STATE_RUNNING)
    assert connected(host).guest(UUID_OF_GUEST).asked_ns == TRIES
    assert host.guest.call_count == TRIES


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (ObjectNotFoundError("network: not found"), True),
        (UnsupportedError("network: not supported"), True),
        (NotConnectedError("network: client socket is closed"), False),
    ],
)
def test_events_of_networks_come_from_whoever_answers(answer: HostmonError, heard: bool) -> None:
    host = Mock(unreached=False)
    host.network.side_effect = answer
    assert connected(host).hears_objects() is heard
    host.pool.side_effect, host.network.side_effect = answer, None
    assert connected(host).hears_objects() is heard
    host.unreached = True
    assert connected(host).hears_objects() is False


def test_a_hypervisor_that_serves_them_itself_is_always_heard() -> None:
    host = Host("test:///default")
    with host:
        host.attach_events(EventPipe())
        made: Any = Mock(wraps=host, unreached=host.unreached)
        assert connected(made).hears_objects()
