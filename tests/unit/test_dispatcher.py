"""What events do to the guest table, and what a comparison with libvirt publishes."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hostmon import records
from hostmon._pipe import record
from hostmon.account import GuestClaim
from hostmon.driver.virt import GuestDescription
from tests.agent_process import wait_for
from tests.unit.rig import Rig

DEFINED, UNDEFINED, STARTED, SUSPENDED, RESUMED, STOPPED, SHUTDOWN = range(7)
RUNNING, PAUSED, SHUTOFF, CRASHED = 1, 3, 5, 6
SECOND = 1_000_000_000


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(f"ipc://{tmp_path}/bus", heartbeat_ns=100_000_000)
    yield rig
    rig.close()


@pytest.fixture
def guest() -> uuid.UUID:
    return uuid.uuid4()


def facts(rig: Rig, guest: uuid.UUID, state: int, **options: Any) -> None:
    """Report a guest as the keeper does."""
    asked = options.pop("asked", time.monotonic_ns())
    resync = options.pop("resync", True)
    known: dict[str, Any] = {
        "state": state,
        "reason": options.pop("reason", 1),
        "memory_max": 2 << 20,
        "memory": 1 << 20,
        "vcpus": 2,
        "cpu_time_ns": 5,
        "persistent": True,
        "autostart": False,
    }
    known["id"] = 7 if state != 5 else -1
    claim = GuestClaim(
        guest.bytes,
        active=bool(options.get("id", known["id"]) >= 0),
        defined=bool(options.get("persistent", True)),
        defined_vcpus=options.pop("defined_vcpus", 4),
        defined_memory=2 << 20,
        vcpus_max=4,
    )
    report = GuestDescription(uuid=guest, name="g", **(known | options))
    rig.pipe.put(records.facts(report, asked, claim, resync=resync))


def compare(rig: Rig, *reports: tuple[uuid.UUID, int, dict[str, Any]]) -> None:
    """A whole comparison: these guests are all that libvirt lists."""
    rig.pipe.put(records.resync_begin())
    began = time.monotonic_ns()
    for guest, state, options in reports:
        facts(rig, guest, state, **options)
    rig.pipe.put(records.resync_end(began))


def row(rig: Rig, guest: uuid.UUID) -> Any:
    rig.settle()
    return rig.guest(guest)


def test_a_guests_life_by_its_events(rig: Rig, guest: uuid.UUID) -> None:
    for event, detail, id_, state in (
        (DEFINED, 0, -1, SHUTOFF),
        (STARTED, 0, 4, RUNNING),
        (SUSPENDED, 2, 4, PAUSED),
        (RESUMED, 0, 4, RUNNING),
        (SHUTDOWN, 1, 4, 4),
        (STOPPED, 0, -1, SHUTOFF),
    ):
        rig.put_lifecycle(guest, event, detail, id_=id_)
        assert rig.lifecycle()[2] == "live"
        found = rig.guest(guest)
        assert found is not None
        assert (found.state, found.id, found.presence) == (state, id_, "present")
    rig.put_lifecycle(guest, UNDEFINED, 0)
    rig.lifecycle()
    assert rig.guest(guest) is None


def test_what_comes_behind_a_stop_does_not_revive_the_guest(rig: Rig, guest: uuid.UUID) -> None:
    """libvirt may tell of QEMU's own shutdown after the stop that somebody asked for."""
    for event, id_, state in (
        (DEFINED, -1, SHUTOFF),
        (STARTED, 4, RUNNING),
        (STOPPED, -1, SHUTOFF),
        (SHUTDOWN, 4, SHUTOFF),
        (SUSPENDED, -1, SHUTOFF),
        (RESUMED, 5, RUNNING),  # libvirt tells of QEMU's going on before it tells of the start
        (STARTED, 5, RUNNING),
        (SHUTDOWN, 5, 4),
    ):
        rig.put_lifecycle(guest, event, 0, id_=id_)
        assert rig.lifecycle()[2] == "live"
        found = rig.guest(guest)
        assert found is not None
        assert found.state == state


def test_a_transient_guest_ends_with_its_stop(rig: Rig, guest: uuid.UUID) -> None:
    rig.put_lifecycle(guest, STARTED, 0, id_=4)
    assert rig.lifecycle() == ("started", "booted", "live")
    assert rig.guest(guest) is not None
    rig.put_lifecycle(guest, STOPPED, 0)
    assert rig.lifecycle() == ("stopped", "shutdown", "live")
    assert rig.guest(guest) is None


def test_an_event_makes_the_keeper_look_once(rig: Rig, guest: uuid.UUID) -> None:
    for _ in range(3):
        rig.put_lifecycle(guest, STARTED, 0, id_=4)
        rig.lifecycle()
    assert rig.dispatcher.take_wanted() == [guest.bytes]
    assert rig.dispatcher.take_wanted() == []
    facts(rig, guest, RUNNING, id=4, resync=False)
    rig.settle()
    rig.put_lifecycle(guest, SUSPENDED, 0, id_=4)
    rig.lifecycle()
    assert rig.dispatcher.take_wanted() == [], "a pause changes nothing but the state"
    rig.put_lifecycle(guest, SUSPENDED, 2, id_=4)
    rig.lifecycle()
    assert rig.dispatcher.take_wanted() == [guest.bytes]


def test_facts_asked_before_an_event_are_not_believed(rig: Rig, guest: uuid.UUID) -> None:
    asked = time.monotonic_ns()
    rig.put_lifecycle(guest, STARTED, 0, id_=4)
    rig.lifecycle()
    rig.dispatcher.take_wanted()
    facts(rig, guest, RUNNING, id=4, asked=asked, resync=False)
    found = row(rig, guest)
    assert found.sizes.vcpus is None
    assert rig.dispatcher.take_wanted() == [guest.bytes]


def test_facts_never_change_a_state_silently(rig: Rig, guest: uuid.UUID) -> None:
    rig.put_lifecycle(guest, STARTED, 0, id_=4)
    rig.lifecycle()
    rig.dispatcher.take_wanted()
    facts(rig, guest, SHUTOFF, resync=False)
    found = row(rig, guest)
    assert (found.state, found.sizes.vcpus) == (RUNNING, 2)
    now = time.monotonic_ns()
    facts(rig, guest, SHUTOFF, resync=False, asked=now + 50 * SECOND)
    rig.settle()
    assert rig.dispatcher.take_wanted() == [], "its stop may be under way"
    facts(rig, guest, SHUTOFF, resync=False, asked=now + 70 * SECOND)
    rig.settle()
    assert rig.dispatcher.take_wanted() is None


@pytest.mark.parametrize(("reason", "after_s"), [(0, 0), (8, 0), (3, 6)])
def test_a_stop_of_libvirts_own_is_told_by_no_event(
    rig: Rig, guest: uuid.UUID, reason: int, after_s: int
) -> None:
    compare(rig, (guest, RUNNING, {}))
    assert [rig.lifecycle()[0] for _ in range(2)] == ["defined", "started"]
    now = time.monotonic_ns()
    if after_s:
        facts(rig, guest, SHUTOFF, reason=reason, resync=False, asked=now)
        rig.settle()
        assert rig.dispatcher.take_wanted() is not None
    facts(rig, guest, SHUTOFF, reason=reason, resync=False, asked=now + after_s * SECOND)
    rig.settle()
    assert rig.dispatcher.take_wanted() is None


def test_a_guest_whose_state_is_doubtful_is_asked_about_again(rig: Rig, guest: uuid.UUID) -> None:
    compare(rig, (guest, RUNNING, {}))
    assert [rig.lifecycle()[0] for _ in range(2)] == ["defined", "started"]
    rig.settle()
    rig.dispatcher.take_wanted()
    facts(rig, guest, SHUTOFF, resync=False)
    wait_for(lambda: rig.dispatcher.take_wanted() == [guest.bytes], 5)
    facts(rig, guest, RUNNING, resync=False)
    rig.settle()
    rig.dispatcher.take_wanted()
    beats = rig.dispatcher.sequence_of["heartbeat"]
    wait_for(lambda: rig.dispatcher.sequence_of["heartbeat"] > beats + 1, 5)
    assert rig.dispatcher.take_wanted() == []


def test_a_guest_that_takes_long_to_start_has_missed_nothing(rig: Rig, guest: uuid.UUID) -> None:
    compare(rig, (guest, SHUTOFF, {}))
    assert rig.lifecycle()[0] == "defined"
    now = time.monotonic_ns()
    for later in (1, 100, 200):
        facts(rig, guest, PAUSED, reason=11, resync=False, asked=now + later * SECOND)
    rig.settle()
    assert rig.dispatcher.take_wanted() == []
    facts(rig, guest, PAUSED, reason=1, resync=False, asked=now + 300 * SECOND)
    facts(rig, guest, PAUSED, reason=1, resync=False, asked=now + 400 * SECOND)
    rig.settle()
    assert rig.dispatcher.take_wanted() is None


def test_comparison_announces_a_guest_found_paused(rig: Rig, guest: uuid.UUID) -> None:
    compare(rig, (guest, PAUSED, {"reason": 5}))
    assert rig.lifecycle() == ("defined", "added", "resync")
    assert rig.lifecycle() == ("started", "booted", "resync")
    assert rig.lifecycle() == ("suspended", "ioerror", "resync")
    found = row(rig, guest)
    assert (found.state, found.reason, found.id, found.sizes.memory) == (PAUSED, 5, 7, 1 << 20)


@pytest.mark.parametrize(
    ("state", "options", "expected"),
    [
        (RUNNING, {}, []),
        (PAUSED, {"reason": 1}, [("suspended", "paused", "resync")]),
        (SHUTOFF, {"reason": 2}, [("stopped", "destroyed", "resync")]),
        (SHUTOFF, {"reason": 3}, [("stopped", "crashed", "resync")]),
        (CRASHED, {"id": -1, "reason": 0}, [("stopped", "crashed", "resync")]),
        (
            RUNNING,
            {"id": 8, "reason": 3},
            [("stopped", "shutdown", "resync"), ("started", "restored", "resync")],
        ),
    ],
)
def test_comparison_publishes_what_changed_while_away(
    rig: Rig, guest: uuid.UUID, state: int, options: dict[str, Any], expected: list[Any]
) -> None:
    compare(rig, (guest, RUNNING, {}))
    assert [rig.lifecycle()[0] for _ in range(2)] == ["defined", "started"]
    rig.pipe.put(records.connection(up=False, reason="test"))
    rig.receive_event()
    found = rig.guest(guest)
    assert found is not None
    assert (found.presence, found.state) == ("unknown", RUNNING)
    compare(rig, (guest, state, options))
    assert [rig.lifecycle() for _ in expected] == expected
    found = row(rig, guest)
    assert (found.presence, found.state) == ("present", state)


def test_comparison_retires_what_libvirt_no_longer_lists(rig: Rig, guest: uuid.UUID) -> None:
    stays = uuid.uuid4()
    compare(rig, (guest, RUNNING, {}), (stays, SHUTOFF, {}))
    assert [rig.lifecycle()[0] for _ in range(3)] == ["defined", "started", "defined"]
    compare(rig, (stays, SHUTOFF, {}))
    assert rig.lifecycle() == ("stopped", "shutdown", "resync")
    assert rig.lifecycle() == ("undefined", "removed", "resync")
    assert row(rig, guest) is None
    assert rig.guest(stays) is not None


def test_a_comparison_counts_once_its_findings_are_out(rig: Rig, guest: uuid.UUID) -> None:
    rig.pipe.put(records.resync_begin())
    began = time.monotonic_ns()
    facts(rig, guest, RUNNING)
    assert [rig.lifecycle()[0] for _ in range(2)] == ["defined", "started"]
    assert rig.dispatcher.compared == 0
    rig.pipe.put(records.resync_end(began))
    rig.settle()
    assert rig.dispatcher.compared == began


def test_comparison_spares_a_guest_heard_of_meanwhile(rig: Rig, guest: uuid.UUID) -> None:
    rig.pipe.put(records.resync_begin())
    began = time.monotonic_ns()
    rig.put_lifecycle(guest, STARTED, 0, id_=4)
    rig.lifecycle()
    rig.pipe.put(records.resync_end(began))
    assert row(rig, guest) is not None


@pytest.mark.parametrize("persistent", [True, False])
def test_what_was_listed_before_its_end_revives_no_guest(
    rig: Rig, guest: uuid.UUID, persistent: bool
) -> None:
    begin = [(DEFINED, 0, -1)] if persistent else []
    end = [(UNDEFINED, 0, -1)] if persistent else []
    for event, detail, id_ in (*begin, (STARTED, 0, 4)):
        rig.put_lifecycle(guest, event, detail, id_=id_)
        rig.lifecycle()
    asked = time.monotonic_ns()
    for event, detail, id_ in ((STOPPED, 0, -1), *end):
        rig.put_lifecycle(guest, event, detail, id_=id_)
        rig.lifecycle()
    rig.dispatcher.take_wanted()
    compare(rig, (guest, RUNNING, {"id": 4, "persistent": persistent, "asked": asked}))
    assert row(rig, guest) is None
    assert rig.dispatcher.take_wanted() == [], "it ended by its events: nothing is in doubt"
    compare(rig, (guest, RUNNING, {"id": 5, "persistent": True}))
    assert [rig.lifecycle()[0] for _ in range(2)] == ["defined", "started"]


def test_a_guest_taken_for_transient_comes_back(rig: Rig, guest: uuid.UUID) -> None:
    asked = time.monotonic_ns()
    for event in (STARTED, STOPPED):  # nobody knew of its definition
        rig.put_lifecycle(guest, event, 0, id_=4)
        rig.lifecycle()
    rig.dispatcher.take_wanted()
    compare(rig, (guest, SHUTOFF, {"asked": asked}))
    assert row(rig, guest) is None
    assert rig.dispatcher.take_wanted() is None
    facts(rig, guest, SHUTOFF, resync=False)
    rig.settle()
    assert rig.dispatcher.take_wanted() is None, "the keeper's look at it says the same"
    compare(rig, (guest, SHUTOFF, {}))
    assert rig.lifecycle()[0] == "defined"
    facts(rig, guest, SHUTOFF, resync=False)
    rig.settle()
    assert rig.dispatcher.take_wanted() == []


def test_more_ends_than_are_remembered_bring_another_comparison(rig: Rig, guest: uuid.UUID) -> None:
    asked = time.monotonic_ns()
    for one in (guest, *(uuid.uuid4() for _ in range(256))):
        for event in (DEFINED, UNDEFINED):
            rig.put_lifecycle(one, event, 0)
            rig.lifecycle()
    rig.dispatcher.take_wanted()
    compare(rig, (guest, RUNNING, {"asked": asked}))
    assert row(rig, guest) is None
    assert rig.dispatcher.take_wanted() is None


def test_gone_needs_a_guest_of_which_nothing_was_heard_since(rig: Rig, guest: uuid.UUID) -> None:
    compare(rig, (guest, RUNNING, {}))
    assert [rig.lifecycle()[0] for _ in range(2)] == ["defined", "started"]
    stale = time.monotonic_ns()
    rig.put_lifecycle(guest, SUSPENDED, 0, id_=7)
    rig.lifecycle()
    rig.pipe.put(records.gone(guest.bytes, stale))
    assert row(rig, guest) is not None
    rig.pipe.put(records.gone(guest.bytes, time.monotonic_ns()))
    assert rig.lifecycle() == ("stopped", "shutdown", "resync")
    assert rig.lifecycle() == ("undefined", "removed", "resync")
    assert row(rig, guest) is None


def test_a_rename_keeps_the_guest(rig: Rig, guest: uuid.UUID) -> None:
    rig.put_lifecycle(guest, DEFINED, 0)
    rig.lifecycle()
    rig.put_lifecycle(guest, UNDEFINED, 1)
    rig.lifecycle()
    rig.pipe.put(record(0, uuid=guest.bytes, name=b"renamed", event=DEFINED, detail=2))
    rig.lifecycle()
    found = rig.guest(guest)
    assert found is not None
    assert found.name == b"renamed"


def test_malformed_records_do_no_harm(rig: Rig, guest: uuid.UUID) -> None:
    rig.pipe.put(record(records.FACTS, uuid=guest.bytes, name=b"short body"))
    rig.pipe.put(record(99))
    rig.pipe.put(record(63))
    rig.put_lifecycle(guest, DEFINED, 0)
    assert rig.lifecycle() == ("defined", "added", "live")
