"""The scheduler on real sockets: it places, retries on a refusal, and follows what others do."""

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hostmon.client import Endpoint
from hostmon.errors import AgentUnreachableError, SettingsError
from hostmon.machine.topology import Cell, Cpu, Topology
from hostmon.scheduler import Placement, PlacementRequest, Scheduler
from hostmon.scheduler.named import filters_named, weighers_named
from tests.unit.bus import STARTED, Bus, until
from tests.unit.scheduler.views import GIB
from tests.unit.test_dispatcher import RUNNING, facts

HOUR = 3600 * 10**9


def topology(vcpus: int) -> Topology:
    return Topology(arch="", cells=(Cell(0, 64 * GIB, tuple(Cpu(n) for n in range(vcpus))),))


@pytest.fixture
def buses(tmp_path: Path) -> Iterator[list[Bus]]:
    """Three hosts, of 4, 8 and 16 vCPUs, that tell nothing unless something happens."""
    made = []
    with ExitStack() as stack:
        for vcpus in (4, 8, 16):
            folder = tmp_path / str(vcpus)
            folder.mkdir()
            bus = Bus(folder, topology=topology(vcpus), host=f"host-{vcpus}", heartbeat_ns=HOUR)
            stack.callback(bus.close)
            made.append(bus)
        yield made


def scheduler(buses: list[Bus], **options: Any) -> Scheduler:
    made = Scheduler([bus.endpoint for bus in buses], filters_named(), weighers_named(), **options)
    assert made.join(20) == ()
    return made


def placed(placements: list[Placement]) -> list[str]:
    return [placement.host for placement in placements]


def test_it_spreads_claims_and_ends_with_a_reason(buses: list[Bus]) -> None:
    with scheduler(buses) as mine:
        hosts = placed([mine.place(PlacementRequest(vcpus=4)) for _ in range(8)])
        assert hosts[0] == "host-16"
        assert sorted(hosts) == ["", *["host-16"] * 4, "host-4", *["host-8"] * 2]
        last = mine.place(PlacementRequest(vcpus=1, name="late"))
        assert last.reason == "none of 3 hosts: vcpus 3"
        assert mine.refused == 0
    assert [bus.rig.ledger.sums()["vcpus_claimed"] for bus in buses] == [4, 8, 16]


def test_a_refused_claim_goes_to_the_next_best_host(buses: list[Bus]) -> None:
    """A guest starts behind its back, and it has not been told yet."""
    with scheduler(buses) as mine:
        buses[2].rig.ledger.take(uuid.uuid4().bytes, 15, GIB)
        placement = mine.place(PlacementRequest(vcpus=2))
        assert placement.host == "host-8"
        (refused,) = placement.refused
        assert (refused.host, refused.resource, refused.asked, refused.free) == (
            "host-16", "vcpus", 2, 1,
        )  # fmt: skip
        # What the refusal told is known: host-16 is not asked for two vCPUs again.
        assert not mine.place(PlacementRequest(vcpus=2)).refused


def test_two_schedulers_never_share_room(buses: list[Bus]) -> None:
    with scheduler(buses) as one, scheduler(buses) as two:
        hosts = [
            each.place(PlacementRequest(vcpus=4)).host for _ in range(4) for each in (one, two)
        ]
        assert sorted(hosts) == ["", *["host-16"] * 4, "host-4", *["host-8"] * 2]


def test_the_guests_start_confirms_and_its_view_follows(buses: list[Bus]) -> None:
    with scheduler(buses) as mine:
        guest = uuid.uuid4()
        request = PlacementRequest(vcpus=2, memory=1 << 20, uuid=str(guest))
        placement = mine.place(request)
        bus = buses[2]
        assert placement.host == "host-16"
        bus.rig.put_lifecycle(guest, STARTED, 0, id_=1)
        facts(bus.rig, guest, RUNNING, resync=False, persistent=False, id=1)

        def used() -> tuple[int, int]:
            account = mine.hosts.views[2].account
            assert account is not None
            return account.vcpus.used, account.vcpus.claimed

        until(lambda: used() == (2, 0), lambda: mine.update(0.01))
        assert mine.hosts.columns.get(2, "vcpus") == 14
        again = mine.place(PlacementRequest(vcpus=1, anti_affinity=(str(guest),)))
        assert again.host == "host-8"
        mine.release(again)
        until(lambda: mine.hosts.columns.get(1, "vcpus") == 8, lambda: mine.update(0.01))


def test_a_group_is_kept_apart(buses: list[Bus]) -> None:
    with scheduler(buses) as mine:
        request = PlacementRequest(vcpus=1, anti_affinity=("web",))
        assert sorted(placed([mine.place(request) for _ in range(3)])) == [
            "host-16", "host-4", "host-8",
        ]  # fmt: skip
        assert mine.place(request).reason == "none of 3 hosts: anti_affinity 3"


def test_guests_are_kept_apart_however_their_uuids_are_written(buses: list[Bus]) -> None:
    with scheduler(buses) as mine:
        guest = uuid.uuid4()
        text = f'{{"uuid": "{str(guest).upper()}", "anti_affinity": ["web"]}}'
        placement = mine.place(PlacementRequest.parse(text))
        assert (placement.host, placement.request.uuid) == ("host-16", str(guest))
        bus = buses[2]
        bus.rig.put_lifecycle(guest, STARTED, 0, id_=1)
        until(lambda: str(guest) in mine.hosts.views[2].guests, lambda: mine.update(0.01))
        mine.hosts.placed._clock = lambda: time.monotonic() + 3600  # started: no claim holds it
        for name in (str(guest).upper(), guest.hex, f"{{{guest}}}", "web"):
            request = PlacementRequest(vcpus=1, anti_affinity=(name,))
            assert mine.place(request).host == "host-8", name


def test_a_guest_that_has_not_started_is_kept_apart_by_its_uuid(buses: list[Bus]) -> None:
    with scheduler(buses) as mine:
        primary = mine.place(PlacementRequest(uuid=str(uuid.uuid4())))
        assert primary.host == "host-16"
        replica = PlacementRequest(anti_affinity=(primary.request.uuid.upper(),))
        assert mine.place(replica).host == "host-8"
        mine.release(primary)
        assert mine.place(replica).host == "host-16"


def test_who_avoids_a_guest_is_of_no_group_with_others_that_do(buses: list[Bus]) -> None:
    with scheduler(buses) as mine:
        guest = uuid.uuid4()
        buses[2].rig.put_lifecycle(guest, STARTED, 0, id_=1)
        until(lambda: str(guest) in mine.hosts.views[2].guests, lambda: mine.update(0.01))
        request = PlacementRequest(vcpus=4, anti_affinity=(str(guest),))
        hosts = placed([mine.place(request) for _ in range(4)])
        assert sorted(hosts) == ["", "host-4", "host-8", "host-8"]


def test_who_is_given_back_leaves_its_group(buses: list[Bus]) -> None:
    with scheduler(buses) as mine:
        request = PlacementRequest(anti_affinity=("web",))
        first = mine.place(request)
        mine.release(first)
        assert (first.host, mine.place(request).host) == ("host-16", "host-16")


def test_an_agent_that_does_not_answer_is_passed_over(buses: list[Bus]) -> None:
    with scheduler(buses) as mine:
        mine.claimer._timeout = 0.2
        buses[2].server.stop()
        placement = mine.place(PlacementRequest(vcpus=1))
        assert placement.host == "host-8"
        assert [one.resource for one in placement.refused] == ["no answer"]


def test_what_was_placed_nowhere_is_given_back_to_nobody(buses: list[Bus], tmp_path: Path) -> None:
    """Hosts that were never heard of have no name either."""
    away = Endpoint(f"ipc://{tmp_path}/none", f"ipc://{tmp_path}/none2")
    with Scheduler([buses[0].endpoint, away], filters_named(), weighers_named()) as mine:
        until(lambda: mine.hosts.views[0].joined, lambda: mine.update(0.01))
        mine.claimer._timeout = 0.1
        nowhere = mine.place(PlacementRequest(vcpus=1000))
        assert nowhere.host == ""
        mine.release(nowhere)
        assert not mine._again


def test_attempts_are_limited(buses: list[Bus]) -> None:
    with scheduler(buses, attempts=2) as mine:
        for bus in buses:
            bus.rig.ledger.take(uuid.uuid4().bytes, 64, GIB)
        placement = mine.place(PlacementRequest(vcpus=1))
        assert (placement.host, len(placement.refused)) == ("", 2)
        assert placement.reason == "2 hosts refused; attempts are limited to 2"


def test_an_agent_that_is_not_ready_refuses(buses: list[Bus]) -> None:
    with scheduler(buses) as mine:
        for bus in buses:
            bus.current = False
        placement = mine.place(PlacementRequest(vcpus=1))
        assert {one.resource for one in placement.refused} == {"unready"}


def test_nobody_there_is_said_in_one_line(tmp_path: Path) -> None:
    endpoint = Endpoint(f"ipc://{tmp_path}/none", f"ipc://{tmp_path}/none2")
    with Scheduler([endpoint], {}, {}) as mine:
        began = time.monotonic()
        with pytest.raises(AgentUnreachableError, match="none of 1 agents answered"):
            mine.join(0.2)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"vcpus": 0}', "Expected `int` >= 1 - at `$.vcpus`"),
        ('{"cpus": 1}', "Object contains unknown field `cpus`"),
        ('{"memory": "1G"}', "Expected `int`, got `str` - at `$.memory`"),
        ('{"uuid": "web"}', "uuid 'web': give a UUID"),
        ('{"traits": [1]}', "at `$.traits[0]`"),
        ("\udcff", ""),
    ],
)
def test_what_is_no_request_is_one_line(text: str, says: str) -> None:
    with pytest.raises(SettingsError) as raised:
        PlacementRequest.parse(text.encode(errors="surrogateescape"))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
