"""Both subscribers on a bus where a newer agent speaks, or one that errs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
import zmq

from hostmon import wire
from hostmon.client import Endpoint, Filter
from hostmon.events import HeartbeatEvent, LifecycleEvent, Welcome
from hostmon.numbers import ClassSequence
from tests.interop.clients import Client
from tests.interop.conftest import Follow
from tests.unit.bus import until

GUEST = "6695eb01-f6a4-8304-79aa-97f2502e193f"


class Speaker:
    """The socket of an agent that says what the test does."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = Endpoint(f"ipc://{folder}/events", f"ipc://{folder}/nobody")
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.linger, self._socket.sndhwm = 0, 0
        welcome = Welcome(epoch=1, host="h", classes=(ClassSequence("lifecycle", 0),))
        told = b"welcome\0" + msgspec.msgpack.encode(welcome)
        self._socket.setsockopt(zmq.XPUB_WELCOME_MSG, told)
        self._socket.bind(self.endpoint.events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close(0)
        self._context.term()

    def welcome(self, client: Client, epoch: int = 1) -> None:
        """Have it subscribe and follow."""

        def step() -> None:
            self._socket.poll(5)  # its subscriptions take effect
            client.step()

        until(lambda: client.epoch() == epoch and client.live(), step)

    def say(self, topic: str, payload: bytes) -> None:
        self._socket.send(topic.encode() + b"\0" + payload)

    def say_raw(self, message: bytes) -> None:
        self._socket.send(message)

    def beat(self, epoch: int) -> None:
        beat = HeartbeatEvent(
            epoch=epoch, sequence=1, host="h", time_ns=1, monotonic_ns=1, sums=None, classes=()
        )
        self.say("heartbeat/heartbeat/", wire.encode(beat))

    def tell(self, number: int, run: int = 1, /, **other: Any) -> None:
        """An event of the guest, with other fields than it has."""
        event = LifecycleEvent(
            epoch=run, sequence=number, previous=number - 1, kind_previous=number - 1,
            host="h", time_ns=1, monotonic_ns=1, uuid=GUEST, name="g", id=1, event="started",
            detail="",
        )  # fmt: skip
        tree = msgspec.msgpack.decode(wire.encode(event)) | other
        self.say(f"lifecycle/{tree['kind']}/{GUEST}", msgspec.msgpack.encode(tree))


@pytest.fixture
def speaker(tmp_path: Path) -> Iterator[Speaker]:
    with Speaker(tmp_path) as made:
        yield made


def came(client: Client) -> list[int]:
    return [number for _, number in client.events()]


def test_fields_and_kinds_of_a_newer_agent_are_no_gap(speaker: Speaker, follow: Follow) -> None:
    client = follow(speaker.endpoint)
    speaker.welcome(client)
    speaker.tell(1, weather={"sun": [1, 2.5, None, True], "rain": b"\x01"}, classes=7)
    speaker.tell(2, kind="teleported", state=7, id="none", previous="x", kinds=3)
    speaker.tell(3, temper="mild")
    until(lambda: len(client.events()) == 3, client.step)
    assert (came(client), client.repairs(), client.malformed()) == ([1, 2, 3], [], 0)


def test_what_is_not_the_protocol_is_counted_and_passed_over(
    speaker: Speaker, follow: Follow
) -> None:
    client = follow(speaker.endpoint)
    speaker.welcome(client)
    topic = f"lifecycle/lifecycle/{GUEST}"
    for payload in (
        b"",
        b"\x80",
        b"\x93\x01\x02\x03",
        b"\xc1",
        b"\xdf\xff\xff\xff\xff",
        b"\x81\x01",
    ):
        speaker.say(topic, payload)
    speaker.say_raw(b"lifecycle/without-a-payload")
    for wrong in ({"epoch": "1"}, {"sequence": None}, {"kind": 5}, {"uuid": 1}, {"sums": "none"}):
        speaker.tell(1, **wrong)
    speaker.say("heartbeat/heartbeat/", b"\x82\xa4kind\xa9heartbeat\xa7classes\x01")
    speaker.tell(1)
    until(lambda: came(client) == [1], client.step)
    assert client.malformed() == 13
    assert client.repairs() == []


def test_an_event_that_cannot_follow_is_malformed(speaker: Speaker, follow: Follow) -> None:
    """Nothing is missing before it, yet it says so."""
    client = follow(speaker.endpoint, Filter(guests=(GUEST,)))
    speaker.welcome(client)
    speaker.tell(1, previous=5)
    speaker.tell(4, previous=0)
    until(lambda: came(client) == [4], client.step)
    assert client.malformed() == 1


def test_the_last_words_of_a_former_run_are_ignored(speaker: Speaker, follow: Follow) -> None:
    client = follow(speaker.endpoint)
    speaker.welcome(client)
    speaker.tell(1)
    speaker.beat(epoch=2)
    speaker.tell(2)
    speaker.beat(epoch=1)
    speaker.tell(1, 2)
    until(lambda: len(client.events()) == 2, client.step)
    assert (client.epoch(), came(client)) == (2, [1, 1])
