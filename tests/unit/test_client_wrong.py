"""Answers and events that no agent should send: counted, asked again, and no reader's end."""

import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import zmq

from hostmon import snapshots, wire
from hostmon.client import Endpoint, Filter, FleetView, Subscriber, link
from hostmon.client.filter import ALWAYS
from hostmon.events import Event, HeartbeatEvent, LifecycleEvent
from hostmon.numbers import ClassSequence
from hostmon.status import Refusal, SnapshotAnswer
from tests.lossy import LossySubscriber
from tests.unit.bus import NOTHING, REPLAY, STARTED, SUSPENDED, Bus, answering, until
from tests.unit.rig import EPOCH

pytestmark = pytest.mark.usefixtures("hasty")

GUEST = uuid.UUID(int=1)
SNAPSHOT = SnapshotAnswer(
    epoch=EPOCH, host="h", connection="up", taken_ns=1, classes=(), id=1, row=0, guests=NOTHING
)
EXPIRED = Refusal(error="that snapshot is gone", code="expired")
BEYOND = Refusal(error="the ring no longer holds it", code="beyond")
TOO_OFTEN = Refusal(error="too many questions; wait", code="rate")


def test_a_replay_where_a_snapshot_was_asked_for(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus.answers, "_snapshot", answering(bus.answers._snapshot, REPLAY))
    with FleetView([bus.endpoint]) as fleet:
        until(lambda: fleet.joined, lambda: fleet.update(0.05))
        assert fleet.subscriber.malformed == 1


def test_a_replay_of_this_run_where_a_snapshot_was_asked_for(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FleetView([bus.endpoint]) as fleet:
        until(lambda: fleet.joined, lambda: fleet.update(0.05))
        monkeypatch.setattr(bus.answers, "_replay", answering(bus.answers._replay, BEYOND))
        monkeypatch.setattr(bus.answers, "_snapshot", answering(bus.answers._snapshot, REPLAY))
        (one,) = fleet.subscriber._links
        one._newest["lifecycle"] = 1
        one._catch_up([])
        until(lambda: fleet.subscriber.repairs, lambda: fleet.update(0.05))
        assert [repair.by for repair in fleet.subscriber.repairs] == ["snapshot"]
        assert fleet.subscriber.malformed == 1


@pytest.mark.parametrize(
    "wrong", [SNAPSHOT, EXPIRED, TOO_OFTEN], ids=["snapshot", "expired", "rate"]
)
@pytest.mark.parametrize("view", [True, False])
def test_what_is_no_replay_where_one_was_asked_for(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, view: bool, wrong: Any
) -> None:
    """As docs/wire.md has it in its diagram: who may ask again does."""
    monkeypatch.setattr(snapshots, "SHARED_S", 0.0)  # that of the join is not the repair's
    monkeypatch.setattr(bus.answers, "_replay", answering(bus.answers._replay, wrong))
    missed = iter([True])

    def drop(event: Event) -> bool:
        return isinstance(event, LifecycleEvent) and next(missed, False)

    with LossySubscriber(bus.endpoint, view=view, wanted=Filter(), drop=drop) as subscriber:
        until(lambda: subscriber.receive(0.05), lambda: None)
        if view:
            until(lambda: subscriber.views[0].joined, lambda: subscriber.receive(0.05))
        for event in (STARTED, SUSPENDED):
            bus.rig.put_lifecycle(GUEST, event, 0, id_=1)
        until(lambda: subscriber.repairs, lambda: subscriber.receive(0.05))
        if view:
            until(lambda: bus.agrees(subscriber.views[0]), lambda: subscriber.receive(0.05))
        refused = isinstance(wrong, Refusal)
        assert subscriber.malformed == (not refused)
        again = not refused or wrong is TOO_OFTEN
        expected = "replay" if again else "snapshot" if view else "nothing"
        assert [repair.by for repair in subscriber.repairs] == [expected]


@pytest.mark.parametrize("asks", [True, False])
def test_an_event_that_follows_itself(bus: Bus, tmp_path: Path, asks: bool) -> None:
    """Nothing is missing before it, yet it says so: it is no event at all."""
    address = f"ipc://{tmp_path}/wrong"
    endpoint = Endpoint(address, bus.endpoint.requests if asks else "")
    wanted = Filter(guests=(str(GUEST),))
    with zmq.Context() as context, context.socket(zmq.XPUB) as agent:
        agent.linger = 0
        agent.bind(address)
        with Subscriber(endpoint, wanted=wanted) as subscriber:
            for _ in (*ALWAYS, *wanted.prefixes()):
                assert agent.poll(10_000)
                agent.recv()

            def beat() -> None:
                agent.send(b"heartbeat/heartbeat/\0" + wire.encode(heartbeat()))
                subscriber.receive(0.05)

            until(lambda: subscriber._links[0].state is link.State.LIVE, beat)
            wrong = [(1, 5)] if asks else [(1, 5), (3, 3)]
            for sequence, previous in (*wrong, (4, 0)):
                agent.send(
                    b"lifecycle/lifecycle/%s\0" % str(GUEST).encode()
                    + wire.encode(lifecycle(sequence, previous))
                )
            found: list[Event] = []

            def take() -> None:
                event = subscriber.receive(0.05)
                found.extend([event] if isinstance(event, LifecycleEvent) else [])

            until(lambda: found, take)
            assert [event.sequence for event in found] == [4]
            assert subscriber.malformed == len(wrong)


def test_epochs_that_an_agent_invents_are_not_kept_for_ever(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/events"
    with zmq.Context() as context, context.socket(zmq.PUB) as agent:
        agent.linger = 0
        agent.bind(address)
        with Subscriber(Endpoint(address)) as subscriber:
            (one,) = subscriber._links
            end = time.monotonic() + 20
            epoch = EPOCH
            while one.epoch < EPOCH + 100:
                assert time.monotonic() < end
                epoch += 1
                agent.send(b"heartbeat/heartbeat/\0" + wire.encode(heartbeat(epoch)))
                subscriber.receive(0.05)
            assert len(one._superseded) <= link.FORMER_RUNS
            agent.send(b"heartbeat/heartbeat/\0" + wire.encode(heartbeat(one.epoch - 1)))
            before = one.epoch
            until(lambda: subscriber.receive(0.05), lambda: None)
            assert one.epoch == before, "the former run's last word began it anew"


def heartbeat(epoch: int = EPOCH) -> HeartbeatEvent:
    return HeartbeatEvent(
        epoch=epoch, sequence=1, host="bad", time_ns=1, monotonic_ns=1, sums=None,
        classes=(ClassSequence("lifecycle", 0),),
    )  # fmt: skip


def lifecycle(sequence: int, previous: int) -> LifecycleEvent:
    return LifecycleEvent(
        epoch=EPOCH, sequence=sequence, previous=previous, kind_previous=sequence, host="bad",
        time_ns=1, monotonic_ns=1, uuid=str(GUEST), name="g", id=1, event="started", detail="",
    )  # fmt: skip
