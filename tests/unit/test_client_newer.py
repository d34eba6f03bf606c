"""A subscriber of an agent that is newer than itself."""

from pathlib import Path

import msgspec
import zmq

from hostmon import wire
from hostmon.client import Endpoint, Subscriber
from hostmon.events import Event, LifecycleEvent, Welcome
from tests.unit.bus import until

GUEST = "0b1d31e4-2f39-4a0e-9d8c-0b4dd6cbdb16"


def test_a_kind_of_a_newer_agent_is_delivered_and_is_no_gap(tmp_path: Path) -> None:
    endpoint = Endpoint(f"ipc://{tmp_path}/events")
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        welcome = Welcome(epoch=1, host="h", classes=())
        bus.setsockopt(zmq.XPUB_WELCOME_MSG, b"welcome\0" + msgspec.msgpack.encode(welcome))
        bus.bind(endpoint.events)
        found: list[Event] = []

        def take() -> None:
            bus.poll(0)  # its subscriptions take effect
            if (event := subscriber.receive(0.01)) is not None:
                found.append(event)

        with Subscriber(endpoint, context=context) as subscriber:
            until(lambda: subscriber._links[0].epoch == 1, take)
            for number in (1, 2, 3):
                event = LifecycleEvent(
                    epoch=1, sequence=number, host="h", uuid=GUEST, event="started", detail="booted"
                )
                tree = msgspec.msgpack.decode(wire.encode(event))
                if number == 2:
                    tree["kind"] = "teleported"
                topic = f"lifecycle/{tree['kind']}/{GUEST}".encode()
                bus.send(topic + b"\0" + msgspec.msgpack.encode(tree))
            until(lambda: len(found) == 3, take)
            assert [event.sequence for event in found] == [1, 2, 3]
            unknown = found[1]
            assert isinstance(unknown, wire.UnknownEvent)
            assert (unknown.of_kind, unknown.of_class) == ("teleported", "lifecycle")
            assert not subscriber.repairs
