"""What docs/subscribing.md and the README show works, word for word; what misleads is refused."""

import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hostmon.client import Endpoint, Filter, FleetView, Subscriber, ask
from hostmon.errors import ArgumentError
from hostmon.events import LifecycleEvent
from tests.unit.bus import STARTED, STOPPED, Bus, until

ROOT = Path(__file__).resolve().parents[2]
GUEST = uuid.UUID("0b1d31e4-2f39-4a0e-9d8c-0b4dd6cbdb16")


@pytest.fixture
def alive(bus: Bus) -> Iterator[Bus]:
    """A bus on which a guest starts and stops all the time."""
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(0.02):
            bus.rig.put_lifecycle(GUEST, STARTED, 0, id_=1)
            bus.rig.put_lifecycle(GUEST, STOPPED, 0)

    thread = threading.Thread(target=live)
    thread.start()
    yield bus
    ended.set()
    thread.join()


def examples(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def ran(code: list[str], bus: Bus) -> dict[str, Any]:
    """The examples of one page, one after the other, against this bus."""
    text = "\n".join(code)
    for name, address in (("events", bus.endpoint.events), ("requests", bus.endpoint.requests)):
        text = text.replace(f"ipc:///run/hostmon/{name}.sock", address)
    names: dict[str, Any] = {}
    exec(compile(text, "the page", "exec"), names)
    return names


def test_the_page(alive: Bus, capsys: pytest.CaptureFixture[str]) -> None:
    names = ran(examples(ROOT / "docs/subscribing.md"), alive)
    assert len(names["seen"]) >= 3
    assert all(isinstance(event, LifecycleEvent) for event in names["seen"])
    host = alive.rig.dispatcher.host
    printed = capsys.readouterr().out
    assert f"{host} g " in printed
    assert re.search(rf"^{host} \d+ True$", printed, re.MULTILINE)


def test_the_readme(alive: Bus, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = examples(ROOT / "README.md")
    ran([code + "        break\n"], alive)
    assert str(GUEST) in capsys.readouterr().out


def test_a_guest_is_found_however_its_uuid_is_written(bus: Bus) -> None:
    wanted = Filter(guests=(str(GUEST).upper(), GUEST.hex))
    assert wanted.guests == (str(GUEST), str(GUEST))
    with Subscriber(bus.endpoint, guest=str(GUEST).upper()) as subscriber:
        until(lambda: subscriber.receive(1), lambda: None)
        bus.rig.put_lifecycle(GUEST, STARTED, 0, id_=1)
        assert isinstance(next(iter(subscriber)), LifecycleEvent)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda _: Filter(kinds=("reboots",)), "no kind 'reboots'"),
        (lambda _: Filter(classes=("guest",)), "no class 'guest'"),
        (lambda _: Filter(guests=("web-1",)), "guest 'web-1' is no uuid"),
        (lambda _: Filter(guests=tuple(str(uuid.UUID(int=n)) for n in range(65))), "65 guests"),
        (lambda e: Subscriber(e, kind="reboot", wanted=Filter()), "in the filter"),
        (lambda e: Subscriber(e, view=True, wanted=Filter(classes=())), "a view needs every event"),
        (lambda e: Subscriber(e.events, view=True), "needs the address of requests"),
        (lambda _: Subscriber("foo"), "events 'foo': write ipc:///PATH or tcp://HOST:PORT"),
        (lambda _: Subscriber("tcp://nohost"), "events 'tcp://nohost': write ipc:///PATH or tcp"),
        (lambda _: Subscriber("tcp://h:0"), "events 'tcp://h:0': give a port from 1 to 65535"),
        (lambda e: Endpoint(e.events, "h:9179"), "requests 'h:9179': write ipc:///PATH or tcp"),
        (lambda _: Subscriber("tcp://no!host:1"), "'tcp://no!host:1': no address"),
        (lambda _: Subscriber(Endpoint("")), "'': no address"),
        (lambda _: ask("foo", "health"), "requests 'foo': write ipc:///PATH or tcp"),
        (lambda e: FleetView([e, Endpoint(e.events)]), "needs the address of requests"),
    ],
)  # fmt: skip
def test_what_would_never_work_is_refused(wrong: Any, said: str, bus: Bus) -> None:
    with pytest.raises(ArgumentError, match=said):
        wrong(bus.endpoint)
