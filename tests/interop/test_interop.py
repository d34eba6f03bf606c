"""The subscriber in C and the one in Python end with the same view, whatever is lost."""

import json
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from hostmon import snapshots
from hostmon.client import Endpoint, Subscriber, ask
from hostmon.machine.topology import Cell, Cpu, Topology
from hostmon.status import GuestStatus, Refusal, Request
from tests.interop.clients import InC
from tests.interop.lives import Lives
from tests.lossy import LossySubscriber
from tests.unit.bus import REPLAY, Bus, answering, comparable, until

EVENTS = 10_000


@pytest.fixture
def others() -> Iterator[list[InC]]:
    started: list[InC] = []
    yield started
    for other in started:
        other.close()


def published(bus: Bus) -> dict[str, int]:
    return {n: s for n, s in bus.rig.dispatcher.sequence_of.items() if n != "heartbeat"}


def whole(subscriber: Subscriber) -> dict[str, Any]:
    """All that a subscriber in Python knows, as the C one prints it."""
    view = subscriber.views[0]
    fields = [f.name for f in msgspec.structs.fields(GuestStatus) if f.name != "cpu_time_ns"]
    return {
        "epoch": view.epoch,
        "host": view.host,
        "connection": view.connection,
        "classes": subscriber._links[0]._orders._orders[0].complete,
        "account": json.loads(msgspec.json.encode(view.account)),
        "guests": {u: {f: getattr(g, f) for f in fields} for u, g in view.guests.items()},
    }


def printed(other: InC) -> dict[str, Any]:
    """All that the C subscriber knows: but for CPU times, which no event tells."""
    told = other.view()
    guests = {guest["uuid"]: guest for guest in told["guests"]}
    kept = ("epoch", "host", "connection", "classes", "account")
    return {name: told[name] for name in kept} | {"guests": guests}


def test_both_views_are_the_same_after_a_churn_with_losses(
    program: Path, tmp_path: Path, others: list[InC]
) -> None:
    cell = Cell(0, 1 << 36, tuple(Cpu(number) for number in range(64)))
    with Bus(
        tmp_path, heartbeat_ns=100_000_000, reboot_window_ns=1_000_000,
        topology=Topology(arch="", cells=(cell,)),
    ) as bus:  # fmt: skip
        others.append(InC(program, bus.endpoint, "--percent", "1", "--seed", "7"))
        chosen = random.Random(3)
        with LossySubscriber(
            bus.endpoint, view=True, drop=lambda _: chosen.random() < 0.01
        ) as ours:
            view = ours.views[0]
            until(lambda: view.joined and others[0].view()["live"], lambda: ours.receive(0.05))
            lives = Lives(bus, [uuid.uuid4() for _ in range(40)], seed=3)
            while published(bus)["lifecycle"] < EVENTS:
                lives.go_on(EVENTS // 10)
                while ours.receive(0) is not None:
                    pass
            lives.end_away()
            bus.wait()
            until(
                lambda: bus.agrees(view) and others[0].numbers() == published(bus),
                lambda: ours.receive(0.05),
            )
            known = whole(ours)
            assert printed(others[0]) == known
            assert known["classes"] == published(bus)
            assert published(bus)["lifecycle"] >= EVENTS
            assert min(published(bus)["settled"], published(bus)["host"]) > 100
            assert {guest.presence for guest in view.guests.values()} == {"present", "unknown"}
            assert view.account is not None
            assert view.account.sums == bus.rig.ledger.account().sums
            assert view.account.vcpus.used > 0
            told = others[0].view()
            assert told["dropped"] > EVENTS // 200
            assert told["replays"] > 0
            assert told["malformed"] == 0
            assert {repair.by for repair in ours.repairs} == {"replay"}


def follow(bus: Bus, ours: Subscriber, other: InC) -> None:
    """Both come to know what the agent does."""
    until(lambda: bus.agrees(ours.views[0]), lambda: ours.receive(0.05))
    until(lambda: other.numbers() == published(bus), lambda: ours.receive(0.05))
    assert other.guests() == comparable(ours.views[0].guests.values())


def test_both_follow_a_restarted_agent(program: Path, tmp_path: Path, others: list[InC]) -> None:
    guests = [uuid.uuid4() for _ in range(20)]
    with ExitStack() as held:
        with Bus(tmp_path, heartbeat_ns=100_000_000, epoch=1) as bus:
            others.append(InC(program, bus.endpoint))
            bus.churn(guests, 200, 1)
            bus.wait()
            ours = held.enter_context(Subscriber(bus.endpoint, view=True))
            follow(bus, ours, others[0])
        with Bus(tmp_path, heartbeat_ns=100_000_000, epoch=2) as bus:
            bus.churn(guests[:10], 100, 2)
            bus.wait()
            until(lambda: others[0].view()["epoch"] == 2, lambda: ours.receive(0.05))
            follow(bus, ours, others[0])


def test_what_the_ring_no_longer_holds_is_had_by_snapshot(
    program: Path, tmp_path: Path, others: list[InC]
) -> None:
    # Between two heartbeats there are more events than the smallest ring holds.
    with Bus(tmp_path, heartbeat_ns=2_000_000_000, ring_size=1 << 20) as bus:
        others.append(InC(program, bus.endpoint, "--percent", "100", "--seed", "7"))
        until(lambda: others[0].view()["live"], lambda: None)
        guests = [uuid.uuid4() for _ in range(20)]
        bus.churn(guests, 60_000, 1)
        bus.wait()
        until(lambda: others[0].numbers() == published(bus), lambda: None)
        with Subscriber(bus.endpoint, view=True) as ours:
            until(lambda: bus.agrees(ours.views[0]), lambda: ours.receive(0.05))
            assert others[0].guests() == comparable(ours.views[0].guests.values())
        assert others[0].view()["snapshots"] > 1


def test_a_snapshot_that_expired_is_begun_anew_after_a_pause(
    program: Path, tmp_path: Path, others: list[InC], monkeypatch: pytest.MonkeyPatch
) -> None:
    at: list[float] = []
    with Bus(tmp_path) as bus:
        bus.fill(9_000)
        right = bus.answers._snapshot

        def expired(request: Request) -> Any:
            at.append(time.monotonic())
            gone = Refusal(re=request.re, error="gone", code="expired")
            return gone if len(at) == 2 else right(request)

        monkeypatch.setattr(bus.answers, "_snapshot", expired)
        others.append(InC(program, bus.endpoint))
        until(lambda: others[0].view()["live"], lambda: time.sleep(0.01))
        assert len(others[0].guests()) == 9_000
        assert 0.1 <= at[2] - at[1] < 2.0


def test_a_page_that_leads_nowhere_is_malformed(
    program: Path, tmp_path: Path, others: list[InC], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    with Bus(tmp_path) as bus:
        bus.fill(9_000)
        right = bus.answers._snapshot

        def nowhere(request: Request) -> Any:
            answer = right(request)
            rows.append(request.row)
            return msgspec.structs.replace(answer, row=request.row) if len(rows) == 2 else answer

        monkeypatch.setattr(bus.answers, "_snapshot", nowhere)
        others.append(InC(program, bus.endpoint))
        until(lambda: others[0].view()["live"], lambda: time.sleep(0.01))
        told = others[0].view()
        assert (len(told["guests"]), told["malformed"]) == (9_000, 1)
        assert [bool(row) for row in rows] == [False, True, False, True]


def test_a_snapshot_older_than_the_welcome_is_followed_by_a_replay(
    program: Path, tmp_path: Path, others: list[InC], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "SHARED_S", 60.0)
    with Bus(tmp_path, heartbeat_ns=3600 * 10**9) as bus:
        ask(bus.endpoint, "snapshot")
        bus.churn([uuid.UUID(int=n) for n in range(5)], 50, seed=1)
        bus.wait()
        others.append(InC(program, bus.endpoint))
        until(lambda: others[0].numbers() == published(bus), lambda: time.sleep(0.01))
        told = others[0].view()
        assert (told["snapshots"], told["replays"]) == (1, 1)


def test_an_answer_that_was_not_asked_for_is_malformed(
    program: Path, tmp_path: Path, others: list[InC], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bus(tmp_path) as bus:
        monkeypatch.setattr(bus.answers, "_snapshot", answering(bus.answers._snapshot, REPLAY))
        others.append(InC(program, bus.endpoint))
        until(lambda: others[0].view()["live"], lambda: time.sleep(0.01))
        told = others[0].view()
        assert (told["snapshots"], told["replays"], told["malformed"]) == (1, 0, 1)


def test_what_is_not_the_protocol_is_counted_and_passed_over(
    program: Path, tmp_path: Path, others: list[InC]
) -> None:
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.linger, socket.sndhwm = 0, 0
        socket.bind(f"ipc://{tmp_path}/events")
        endpoint = Endpoint(f"ipc://{tmp_path}/events", f"ipc://{tmp_path}/requests")
        others.append(InC(program, endpoint))
        for _ in range(6):
            assert socket.recv()[:1] == b"\x01"
        chosen = random.Random(5)
        for _ in range(2000):
            socket.send(b"lifecycle/x\0" + chosen.randbytes(chosen.randrange(60)))
        until(lambda: others[0].view()["malformed"] > 1000, lambda: None)
