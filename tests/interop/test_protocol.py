"""The protocol of docs/wire.md, held to by both subscribers alike: against an agent's own bus."""

import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hostmon import kinds
from hostmon._pipe import record
from hostmon.client import Filter, asking, pages
from hostmon.status import Refusal, ReplayAnswer, Request, SnapshotAnswer
from tests.interop.clients import EVERYTHING, Client
from tests.interop.conftest import Follow
from tests.unit.bus import NOTHING, STARTED, SUSPENDED, Bus, answering, until
from tests.unit.test_client_losses import lose, move

GUESTS = [uuid.UUID(int=number) for number in range(1, 6)]
MINE, OTHER = GUESTS[:2]
HOUR = 3600 * 10**9
NONSENSE = msgspec.Raw(msgspec.msgpack.encode([7]))
BEYOND = Refusal(error="the ring no longer holds it", code="beyond")
EXPIRED = Refusal(error="that snapshot is gone", code="expired")
TOO_OFTEN = Refusal(error="too many questions; wait", code="rate")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    """An agent that tells how far it is twenty times a second."""
    with Bus(tmp_path, heartbeat_ns=50_000_000) as made:
        yield made


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Bus]:
    """An agent that tells nothing of itself."""
    with Bus(tmp_path, heartbeat_ns=HOUR) as made:
        yield made


BODIES = {"watchdog": b"\xa6action\xa4none", "rtc-change": b"\xa9utcoffset\x07"}


def tell(bus: Bus, guest: uuid.UUID, kind: str) -> None:
    """An event of a guest, as a callback would put it."""
    body = BODIES.get(kind, b"")
    told = record(
        kinds.NUMBERS[kind], uuid=guest.bytes, name=b"g", fields=int(bool(body)), body=body
    )
    assert bus.rig.pipe.put(told)


def put(bus: Bus, guest: uuid.UUID, kind: str) -> int:
    """An event of a guest; its number."""
    tell(bus, guest, kind)
    bus.wait()
    return int(bus.rig.dispatcher.sequence_of["lifecycle"])


def published(bus: Bus) -> dict[str, int]:
    return {n: s for n, s in bus.rig.dispatcher.sequence_of.items() if n != "heartbeat"}


def joined(client: Client) -> Client:
    until(client.live, client.step)
    return client


def numbers(client: Client) -> list[int]:
    """Of the events of guests that came."""
    return [number for name, number in client.events() if name == "lifecycle"]


def caught_up(client: Client, bus: Bus) -> bool:
    """Whether nothing that it wants is missing up to the newest."""
    newest = published(bus)
    return client.live() and all(newest[n] == have for n, have in client.numbers().items())


BY_GUEST = Filter(guests=(str(MINE),))
BY_KIND = Filter(kinds=("reboot", "watchdog"))
BY_BOTH = Filter(kinds=("reboot", "watchdog"), guests=(str(MINE),))
BY_CLASS = Filter(classes=("lifecycle",))


@pytest.mark.parametrize("wanted", [BY_GUEST, BY_KIND, BY_BOTH], ids=["guest", "kind", "both"])
def test_the_next_event_tells_a_gap_from_the_filter(
    quiet: Bus, follow: Follow, wanted: Filter
) -> None:
    client = joined(follow(quiet.endpoint, wanted, lose=[("lifecycle", 3)]))
    first = put(quiet, MINE, "watchdog")
    put(quiet, OTHER, "rtc-change")  # wanted by nobody: no gap
    lost = put(quiet, MINE, "watchdog")
    assert (first, lost) == (1, 3)
    until(lambda: client.events() == [("lifecycle", 1)], client.step)
    assert client.repairs() == []
    last = put(quiet, MINE, "watchdog")
    until(lambda: len(client.events()) >= 3, client.step)
    assert [number for _, number in client.events()] == [first, lost, last]
    assert [repair[:2] for repair in client.repairs()] == [("gap", "replay")]


def test_what_follows_by_its_kind_hides_nothing_of_its_guest(quiet: Bus, follow: Follow) -> None:
    client = joined(follow(quiet.endpoint, BY_BOTH, lose=[("lifecycle", 1)]))
    for kind in ("watchdog", "reboot", "watchdog"):  # the first is lost
        put(quiet, MINE, kind)
    until(lambda: len(client.events()) >= 3, client.step)
    assert sorted(number for _, number in client.events()) == [1, 2, 3]
    assert client.repairs()[0][:2] == ("gap", "replay")


@pytest.mark.parametrize(
    "wanted", [EVERYTHING, BY_CLASS, BY_GUEST, BY_KIND, BY_BOTH],
    ids=["all", "class", "guest", "kind", "both"],
)  # fmt: skip
def test_a_heartbeat_tells_of_a_gap(bus: Bus, follow: Follow, wanted: Filter) -> None:
    client = joined(follow(bus.endpoint, wanted, lose=[("lifecycle", 1)]))
    put(bus, MINE, "reboot")
    until(lambda: ("lifecycle", 1) in client.events(), client.step)
    until(lambda: caught_up(client, bus), client.step)
    assert [repair[:2] for repair in client.repairs()] == [("gap", "replay")]


@pytest.mark.parametrize("wanted", [BY_GUEST, BY_KIND, BY_BOTH], ids=["guest", "kind", "both"])
def test_what_the_filter_leaves_out_is_no_gap(bus: Bus, follow: Follow, wanted: Filter) -> None:
    client = joined(follow(bus.endpoint, wanted))
    for _ in range(3):
        put(bus, OTHER, "rtc-change")
        move(bus)
    until(lambda: caught_up(client, bus), client.step)
    assert (client.events(), client.repairs(), client.malformed()) == ([], [], 0)


@pytest.mark.parametrize(
    "wanted", [EVERYTHING, BY_CLASS, BY_GUEST, BY_KIND, BY_BOTH],
    ids=["all", "class", "guest", "kind", "both"],
)  # fmt: skip
def test_every_event_comes_once_whatever_is_lost(bus: Bus, follow: Follow, wanted: Filter) -> None:
    chosen = random.Random(9)
    some = [("lifecycle", number) for number in chosen.sample(range(1, 300), 15)]
    client = joined(follow(bus.endpoint, wanted, lose=some))
    expected = []
    for number in range(1, 301):
        guest, kind = chosen.choice(GUESTS), chosen.choice(("reboot", "watchdog", "rtc-change"))
        tell(bus, guest, kind)
        of_kind = not wanted.kinds or kind in wanted.kinds
        if of_kind and (not wanted.guests or str(guest) in wanted.guests):
            expected.append(number)
    bus.wait()
    until(lambda: caught_up(client, bus) and len(client.events()) >= len(expected), client.step)
    came = numbers(client)
    assert sorted(came) == expected
    if not (wanted.guests or wanted.kinds):
        assert came == expected
    assert client.repairs()


@pytest.mark.parametrize("wanted", [BY_GUEST, BY_KIND, Filter(classes=())])
def test_what_the_agent_lost_is_told_whatever_the_filter(
    bus: Bus, follow: Follow, wanted: Filter
) -> None:
    """The first is missed, with another event of the host between them."""
    if wanted.classes == ():
        wanted = Filter(classes=("settled",))
    first = published(bus)["host"] + 1
    client = joined(follow(bus.endpoint, wanted, lose=[("host", first)]))
    lose(bus, 3)
    move(bus)
    lose(bus, 4)
    bus.wait()
    until(lambda: len(client.repairs()) >= 2, client.step)
    until(lambda: caught_up(client, bus), client.step)
    told = [(by, lost) for reason, by, _, lost in client.repairs() if reason == "overflow"]
    assert told == [("nothing", 3), ("nothing", 4)]
    assert client.events() == []


@pytest.mark.parametrize("view", [True, False], ids=["view", "events"])
def test_another_run_of_the_agent_is_joined(tmp_path: Path, follow: Follow, view: bool) -> None:
    with Bus(tmp_path, epoch=1) as bus:
        bus.churn(GUESTS, 50, 1)
        bus.wait()
        client = joined(follow(bus.endpoint, view=view))
    with Bus(tmp_path, epoch=99) as bus:
        bus.churn(GUESTS[:3], 40, 2)
        bus.wait()
        until(lambda: client.epoch() == 99 and caught_up(client, bus), client.step)
        if view:
            assert client.repairs()[0] == ("restart", "snapshot", 0, 0)
            assert sorted(client.guests()) == sorted(map(str, GUESTS[:3]))
        else:
            first = list(range(1, 41))
            until(lambda: numbers(client)[-40:] == first, client.step)


@pytest.mark.parametrize(
    ("refusal", "by"),
    [(BEYOND, ("snapshot", "nothing")), (TOO_OFTEN, ("replay", "replay"))],
    ids=["beyond", "rate"],
)
@pytest.mark.parametrize("view", [True, False], ids=["view", "events"])
def test_a_replay_that_is_refused(
    bus: Bus, follow: Follow, monkeypatch: pytest.MonkeyPatch,
    view: bool, refusal: Refusal, by: tuple[str, str],
) -> None:  # fmt: skip
    client = joined(follow(bus.endpoint, view=view, lose=[("lifecycle", 1)]))
    monkeypatch.setattr(bus.answers, "_replay", answering(bus.answers._replay, refusal))
    put(bus, MINE, "reboot")
    put(bus, MINE, "reboot")
    until(client.repairs, client.step)
    until(lambda: caught_up(client, bus), client.step)
    assert client.repairs()[0][:2] == ("gap", by[not view])
    assert client.malformed() == 0


def test_a_snapshot_of_which_a_page_expired_is_begun_anew(
    bus: Bus, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.fill(9_000)
    right, asked = bus.answers._snapshot, []

    def once_gone(request: Request) -> Any:
        asked.append(bool(request.id))
        if len(asked) == 2:
            return msgspec.structs.replace(EXPIRED, re=request.re)
        return right(request)

    monkeypatch.setattr(bus.answers, "_snapshot", once_gone)
    client = joined(follow(bus.endpoint, view=True))
    assert len(client.guests()) == 9_000
    assert asked[:4] == [False, True, False, True]
    assert client.malformed() == 0


def test_pages_of_two_runs_make_no_snapshot(
    bus: Bus, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent begins anew between two pages; its snapshots are numbered from 1 again."""
    bus.fill(9_000)
    asked = bus.begin_anew_after_a_page(monkeypatch)
    client = joined(follow(bus.endpoint, view=True))
    assert len(client.guests()) == 9_000
    assert [bool(number) for number in asked[:4]] == [False, True, False, True]


def test_a_snapshot_without_end_is_begun_again(
    bus: Bus, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_GUESTS", 20)
    bus.fill(8)
    right, asked = bus.answers._snapshot, []

    def endless(request: Request) -> Any:
        asked.append(request.id)
        answer = right(msgspec.structs.replace(request, id=0, row=0))
        assert isinstance(answer, SnapshotAnswer)
        further = msgspec.structs.replace(answer, id=7, row=request.row + 1)
        return further if len(asked) < 7 else answer

    monkeypatch.setattr(bus.answers, "_snapshot", endless)
    client = joined(follow(bus.endpoint, view=True))
    assert (len(client.guests()), client.malformed()) == (8, 2)
    assert asked == [0, 7, 7, 0, 7, 7, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": NONSENSE},
        {"events": NOTHING, "through": ()},
        {"events": NOTHING, "through": (), "more": True},
    ],
    ids=["none", "short", "endless"],
)
@pytest.mark.parametrize("view", [True, False], ids=["view", "events"])
def test_a_replay_that_makes_no_sense_is_given_up(
    bus: Bus, follow: Follow, monkeypatch: pytest.MonkeyPatch, view: bool, wrong: dict[str, Any]
) -> None:
    """Or that does not reach what the bus has told."""
    client = joined(follow(bus.endpoint, view=view, lose=[("lifecycle", 1)]))
    right, tried = bus.answers._replay, []

    def nonsense(request: Request) -> Any:
        tried.append(request)
        answer = right(request)
        assert isinstance(answer, ReplayAnswer)
        return msgspec.structs.replace(answer, **wrong)

    monkeypatch.setattr(bus.answers, "_replay", nonsense)
    bus.rig.put_lifecycle(MINE, STARTED, 0, id_=1)
    until(client.repairs, client.step)
    assert client.repairs()[0][:2] == ("gap", "snapshot" if view else "nothing")
    assert min(len(tried), client.malformed()) >= asking.TRIES
    monkeypatch.setattr(bus.answers, "_replay", right)
    bus.rig.put_lifecycle(MINE, SUSPENDED, 0, id_=1)
    bus.wait()
    if view:
        until(lambda: client.guests().get(str(MINE), "none")[3] == "paused", client.step)
    else:
        until(lambda: ("lifecycle", 2) in client.events(), client.step)


@pytest.mark.parametrize("view", [True, False], ids=["view", "events"])
def test_an_answer_of_another_kind_is_malformed(
    bus: Bus, follow: Follow, monkeypatch: pytest.MonkeyPatch, view: bool
) -> None:
    client = joined(follow(bus.endpoint, view=view, lose=[("lifecycle", 1)]))
    page = SnapshotAnswer(
        epoch=7, host="h", connection="up", taken_ns=1, classes=(), id=1, row=0, guests=NOTHING
    )
    monkeypatch.setattr(bus.answers, "_replay", answering(bus.answers._replay, page))
    put(bus, MINE, "reboot")
    until(client.repairs, client.step)
    assert (client.repairs()[0][:2], client.malformed()) == (("gap", "replay"), 1)


def test_who_has_no_answer_goes_on_without(
    bus: Bus, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = joined(follow(bus.endpoint, BY_CLASS, lose=[("lifecycle", 1), ("lifecycle", 4)]))
    monkeypatch.setattr(bus.server, "_answer_one", lambda socket: socket.recv_multipart())
    for _ in range(5):
        put(bus, MINE, "reboot")
    until(lambda: numbers(client)[-1:] == [5], client.step)
    assert numbers(client) == [2, 3, 5]
    assert [repair[:2] for repair in client.repairs()] == [("gap", "nothing")] * 2
