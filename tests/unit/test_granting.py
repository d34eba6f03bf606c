"""Claims over the real request socket: granted, refused with the reason, told to everybody."""

import os
import random
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from hostmon._ledger import Ledger
from hostmon.account import HostAccount, PagePool, Resource
from hostmon.client import Subscriber, ask
from hostmon.errors import ProtocolError, RefusedError
from hostmon.granting import Granting
from hostmon.ledger import HostLedger
from hostmon.machine.topology import Cell, Cpu, Pages, Topology
from hostmon.status import ClaimAnswer, ClaimWanted, HealthAnswer, Request
from tests.unit.bus import STARTED, Bus, until
from tests.unit.test_dispatcher import RUNNING, facts

GIB = 1 << 30
HUGE = 2 << 20
PAGES = (Pages(4096, 63 * GIB // 4096, None), Pages(HUGE, 512, 512))
HOST = Topology(arch="", cells=(Cell(0, 64 * GIB, tuple(Cpu(n) for n in range(16)), PAGES),))


def name() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    bus = Bus(tmp_path, topology=HOST, reboot_window_ns=0, heartbeat_ns=3600 * 10**9)
    yield bus
    bus.close()


def claim(bus: Bus, **fields: Any) -> ClaimAnswer:
    fields.setdefault("id", name())
    answer = ask(bus.endpoint, Request(ask="claim", claim=ClaimWanted(**fields)))
    assert isinstance(answer, ClaimAnswer), answer
    return answer


def test_room_is_granted_once_and_a_refusal_says_what_is_free(bus: Bus) -> None:
    first = claim(bus, vcpus=10, memory=GIB)
    assert (first.state, first.sums.vcpus_claimed, first.sums.claims) == ("granted", 10, 1)
    assert first.expires_ns > time.monotonic_ns()
    second = claim(bus, vcpus=8)
    assert (second.state, second.resource, second.asked, second.free) == ("refused", "vcpus", 8, 6)
    assert claim(bus, memory=64 * GIB).free == 63 * GIB
    assert claim(bus, disk=1).resource == "disk"  # its storage is not known
    status = bus.answers.granting.status()
    assert (status.outstanding, status.granted, status.refused) == (1, 1, 3)


def test_a_claim_repeated_is_answered_as_it_stands(bus: Bus) -> None:
    guest, wanted = uuid.uuid4(), ClaimWanted(id=name(), vcpus=2, memory=1 << 20)
    wanted = msgspec.structs.replace(wanted, guest=str(guest))
    request = Request(ask="claim", claim=wanted)
    states = [ask(bus.endpoint, request).state for _ in range(2)]  # type: ignore[union-attr]
    assert states == ["granted", "granted"]
    assert bus.rig.ledger.sums()["vcpus_claimed"] == 2
    bus.rig.put_lifecycle(guest, STARTED, 0, id_=1)
    facts(bus.rig, guest, RUNNING, resync=False, persistent=False, id=1)
    until(lambda: bus.rig.ledger.sums()["vcpus_used"] == 2, lambda: time.sleep(0.005))
    assert bus.rig.ledger.sums()["vcpus_claimed"] == 0
    again = ask(bus.endpoint, request)
    assert isinstance(again, ClaimAnswer)
    assert (again.state, again.sums.claims) == ("confirmed", 0)
    released = ask(bus.endpoint, Request(ask="release", claim=wanted))
    assert isinstance(released, ClaimAnswer)
    assert (released.state, released.sums.vcpus_used) == ("confirmed", 2)
    other = msgspec.structs.replace(wanted, vcpus=3)
    with pytest.raises(ProtocolError, match="was used for another claim"):
        ask(bus.endpoint, Request(ask="claim", claim=other))
    taken = claim(bus, vcpus=1, guest=str(guest))
    assert (taken.state, taken.resource) == ("refused", "guest")


def test_huge_pages_are_counted_by_their_size(bus: Bus) -> None:
    assert claim(bus, memory=GIB, page_size=HUGE).state == "granted"
    refused = claim(bus, memory=HUGE, page_size=HUGE)
    assert (refused.resource, refused.asked, refused.free) == ("hugepages", HUGE, 0)
    assert claim(bus, memory=1, page_size=12345).resource == "hugepages"
    _, pool = bus.rig.ledger.account().pages
    assert (pool.claimed, pool.room) == (GIB, 0)


def test_every_view_sees_claims_at_once_and_their_end(bus: Bus) -> None:
    """No event and no heartbeat is due: a claim makes the agent tell, its expiry too."""
    with Subscriber(bus.endpoint, view=True) as subscriber:
        view = subscriber.views[0]
        until(lambda: view.joined, lambda: subscriber.receive(0.01))

        def claimed() -> int:
            assert view.account is not None
            return view.account.vcpus.claimed

        mine = claim(bus, vcpus=5)
        until(lambda: claimed() == 5, lambda: subscriber.receive(0.01), 2)
        ask(bus.endpoint, Request(ask="release", claim=ClaimWanted(id=mine.id)))
        until(lambda: claimed() == 0, lambda: subscriber.receive(0.01), 2)
        claim(bus, vcpus=3, ttl=1)
        until(lambda: claimed() == 3, lambda: subscriber.receive(0.01), 2)
        until(lambda: claimed() == 0, lambda: subscriber.receive(0.01), 4)
        assert view.account is not None
        assert view.account.vcpus_room == 16
    status = bus.answers.granting.status()
    assert (status.granted, status.released, status.expired) == (2, 1, 1)


def test_a_snapshot_holds_what_is_claimed(bus: Bus) -> None:
    claim(bus, vcpus=5, memory=GIB)
    with Subscriber(bus.endpoint, view=True) as subscriber:
        view = subscriber.views[0]
        until(lambda: view.joined, lambda: subscriber.receive(0.01))
        assert view.account is not None
        assert (view.account.vcpus.claimed, view.account.claims) == (5, 1)
        assert view.account.memory_room == 63 * GIB


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (None, "claim: missing"),
        ({}, "missing required field `id`"),
        ({"id": 7}, "Expected `str`, got `int` - at `$.claim.id`"),
        ({"id": "x"}, "claim.id 'x': give a UUID"),
        ({"id": name(), "guest": "web-1"}, "claim.guest 'web-1': give a UUID"),
        ({"id": name(), "vcpus": -1}, "`int` >= 0 - at `$.claim.vcpus`"),
        ({"id": name(), "vcpus": 1 << 20}, "<= 1048575 - at `$.claim.vcpus`"),
        ({"id": name(), "memory": 1 << 63}, "at `$.claim.memory`"),
        ({"id": name(), "memory": 1.5}, "at `$.claim.memory`"),
        ({"id": name(), "ttl": 0.5}, ">= 1.0 - at `$.claim.ttl`"),
        ({"id": name(), "ttl": 86400}, "<= 3600.0 - at `$.claim.ttl`"),
        ({"id": name(), "ttl": float("nan")}, "ttl"),
        ({"id": name(), "ttl": float("inf")}, "ttl"),
        ([], "Expected `object`"),
    ],
)
@pytest.mark.parametrize("question", ["claim", "release"])
def test_what_is_no_claim_is_refused_in_one_line(
    bus: Bus, question: str, wanted: Any, says: str
) -> None:
    tree: dict[str, Any] = {"ask": question, "v": 1}
    if wanted is not None:
        tree["claim"] = wanted
    answer = bus.server.answer(b"peer", msgspec.msgpack.encode(tree))
    assert says in answer.error  # type: ignore[union-attr]
    assert "\n" not in answer.error  # type: ignore[union-attr]
    assert answer.code == "malformed"  # type: ignore[union-attr]
    assert bus.rig.ledger.sums()["claims"] == 0


def test_a_text_that_is_none_is_malformed_and_no_fault_of_the_agents(bus: Bus) -> None:
    answer = bus.server.answer(b"peer", b"\x81\xa3ask\xa2\x81\xff")
    assert (answer.code, "not a request" in answer.error) == ("malformed", True)  # type: ignore[union-attr]


def test_hostile_bytes_grant_nothing_and_harm_nothing(bus: Bus) -> None:
    chosen = random.Random(6)
    whole = msgspec.msgpack.encode(Request(ask="claim", claim=ClaimWanted(id=name(), vcpus=1)))
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(bus.endpoint.requests)
        for n in range(300):
            cut = bytearray(whole[: chosen.randrange(len(whole))])
            if cut and n % 2:
                cut[chosen.randrange(len(cut))] = chosen.randrange(256)
            socket.send(bytes(cut))
            assert socket.poll(5000)
            assert msgspec.msgpack.decode(socket.recv())["type"] in ("refusal", "claim")
    assert bus.rig.ledger.sums()["claims"] <= 1
    assert claim(bus, vcpus=1).state == "granted"


def test_nothing_is_granted_while_the_account_may_be_behind(bus: Bus) -> None:
    bus.current = False
    with pytest.raises(ProtocolError, match="the account may be behind"):
        claim(bus, vcpus=1)
    bus.current = True
    assert claim(bus, vcpus=1).state == "granted"


class View:
    """An account that is another at each look."""

    def __init__(self, ledger: Ledger, least: int | None = 0) -> None:
        self.ledger = ledger
        self.least = least
        self.current = True

    def is_current(self) -> bool:
        return self.current

    def account(self) -> HostAccount:
        return HostAccount(
            vcpus=Resource(8, reserved=2, allocation_ratio=2.0),
            memory=Resource(100, reserved=10),
            disk=Resource(50, allocation_ratio=3.0),
            defined=0, active=0, held=0, changes=0, pages=(PagePool(4, 10),),
            disk_available_least=self.least,
        )  # fmt: skip


def test_ratios_and_what_is_reserved_count() -> None:
    ledger = HostLedger(Topology(arch="", cells=()))
    woken: list[int] = []
    granting = Granting(View(ledger), ledger, lambda: woken.append(1))

    def free(**fields: int) -> int:
        answer = granting.claim(1, ClaimWanted(id=name(), **fields))  # type: ignore[arg-type]
        assert answer.state == "refused"
        return answer.free

    assert free(vcpus=100) == 8  # (8 - 2) x 2 may be given, 8 of them to one guest
    assert free(memory=91) == 90
    assert free(disk=51) == 50
    assert not woken
    assert granting.claim(1, ClaimWanted(id=name(), vcpus=8)).state == "granted"
    assert (free(vcpus=5), len(woken)) == (4, 1)
    with pytest.raises(RefusedError, match="give a UUID"):
        granting.release(1, ClaimWanted(id="7"))
    assert granting.release(1, ClaimWanted(id=name())).state == "unknown"


def test_no_storage_is_granted_while_an_image_is_unknown() -> None:
    ledger = HostLedger(Topology(arch="", cells=()))
    granting = Granting(View(ledger, None), ledger, lambda: None)
    answer = granting.claim(1, ClaimWanted(id=name(), vcpus=1, disk=1))
    assert (answer.state, answer.resource, answer.asked, answer.free) == ("refused", "disk", 1, 0)
    assert granting.claim(2, ClaimWanted(id=name(), vcpus=1)).state == "granted"


def test_who_held_a_claim_of_the_former_run_comes_first(tmp_path: Path) -> None:
    bus = Bus(tmp_path, topology=HOST, grace=60.0)
    try:
        with pytest.raises(ProtocolError, match=r"has just started: for [56][0-9.]+ s more"):
            claim(bus, vcpus=16)
        held = claim(bus, vcpus=10, again=True)
        assert held.state == "granted"
        assert claim(bus, id=held.id, vcpus=10).state == "granted"  # as it stands
        bus.answers.granting._grace.left = 0
        assert claim(bus, vcpus=16).free == 6
        assert claim(bus, vcpus=6).state == "granted"
    finally:
        bus.close()


def test_who_held_a_claim_comes_first_however_late_it_can_be_granted() -> None:
    """Right after the first comparison events are lost, and libvirt is away for a minute."""
    ledger = HostLedger(Topology(arch="", cells=()))
    now, view = [0], View(ledger)
    granting = Granting(view, ledger, lambda: None, clock=lambda: now[0], grace=5.0)

    def asked(seconds: float, *, again: bool = False) -> str:
        now[0] += int(seconds * 1e9)
        try:
            return granting.claim(1, ClaimWanted(id=name(), vcpus=1, again=again)).state
        except RefusedError as error:
            return str(error).split(":")[0]

    assert asked(1) == "the agent has just started"
    view.current = False
    assert asked(1, again=True) == "the account may be behind"
    now[0] += 60 * 10**9
    view.current = True
    assert asked(0) == "the agent has just started"
    assert asked(1, again=True) == "granted"
    states = [asked(0.2) for _ in range(30)]
    assert set(states[:20]) == {"the agent has just started"}
    assert states[-1] == "granted"


def test_the_time_runs_though_nobody_asks(tmp_path: Path) -> None:
    bus = Bus(tmp_path, topology=HOST, grace=0.4)
    try:
        until(lambda: bus.answers.granting._grace.left <= 0, lambda: time.sleep(0.01))
        assert claim(bus, vcpus=1).state == "granted"
    finally:
        bus.close()


def test_a_look_that_fails_ends_nothing_and_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as it fails nobody comes first in vain; of what it says there is one line."""
    with Bus(tmp_path, topology=HOST, grace=0.4) as bus:
        granting = bus.answers.granting
        monkeypatch.setattr(granting._view, "is_current", lambda: bool(1 / 0))
        monkeypatch.setattr("hostmon.granting.LOOK_S", 0.01)
        until(lambda: granting.status().failed_looks >= 50, lambda: time.sleep(0.01))
        assert isinstance(ask(bus.endpoint, "health"), HealthAnswer)
        assert granting._grace.left > 0
        assert caplog.messages == ["whether claims may be granted can't be told; tried again"]
        assert "ZeroDivisionError" in caplog.text
        monkeypatch.undo()
        until(lambda: granting._grace.left <= 0, lambda: time.sleep(0.01))
        assert claim(bus, vcpus=1).state == "granted"


def test_what_is_not_read_yet_is_refused_to_nobody_for_good(tmp_path: Path, bus: Bus) -> None:
    """Right after its start an agent knows neither its disks nor, elsewhere, the host."""
    with pytest.raises(ProtocolError, match="was not read yet"):
        claim(bus, disk=1, again=True)
    (tmp_path / "2").mkdir()
    elsewhere = Bus(tmp_path / "2")
    try:
        with pytest.raises(ProtocolError, match="was not read yet"):
            claim(elsewhere, vcpus=1)
    finally:
        elsewhere.close()


def test_a_guest_that_runs_is_why_whatever_else_is_short(bus: Bus) -> None:
    guest = uuid.uuid4()
    bus.rig.ledger.take(guest.bytes, 16, GIB)
    assert claim(bus, vcpus=16, guest=str(guest), again=True).resource == "guest"


def test_a_claim_of_nothing_is_refused(bus: Bus) -> None:
    with pytest.raises(ProtocolError, match="claim: of nothing; give vcpus, memory or disk"):
        claim(bus)


def test_one_claimant_has_a_share_whatever_its_connections(bus: Bus) -> None:
    """The rest is others': here whoever no user is known of."""
    states = []
    with zmq.Context() as context:
        for _ in range(3):
            with context.socket(zmq.DEALER) as socket:
                socket.linger = 0
                socket.connect(bus.endpoint.requests)
                for _ in range(100):
                    wanted = ClaimWanted(id=name(), memory=1)
                    socket.send(msgspec.msgpack.encode(Request(ask="claim", claim=wanted)))
                    assert socket.poll(5000)
                    states.append(msgspec.msgpack.decode(socket.recv()))
    assert [one["state"] for one in states] == ["granted"] * 256 + ["refused"] * 44
    assert {one["resource"] for one in states} == {"", "claims"}
    granting = bus.answers.granting
    other = granting.claim(1, ClaimWanted(id=name(), memory=1), b"another")
    assert other.state == "granted"
    granting.release(1, ClaimWanted(id=states[0]["id"]))
    assert claim(bus, memory=1).state == "granted"


def test_who_claims_is_known_by_the_user_of_ipc(bus: Bus) -> None:
    told: list[bytes] = []
    answer = bus.server.answer

    def noted(peer: bytes, payload: bytes, owner: bytes = b"") -> Any:
        told.append(owner)
        return answer(peer, payload, owner)

    bus.server.answer = noted  # type: ignore[method-assign]
    claim(bus, vcpus=1)
    assert told == [f"Peer-Address uid {os.getuid()}".encode()]
