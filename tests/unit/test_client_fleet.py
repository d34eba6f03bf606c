"""Many hosts in one client: what one of them does costs the others nothing."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hostmon.client import Endpoint, FleetView
from hostmon.client.link import Link
from tests.unit.bus import DEFINED, STARTED, Bus, until

HOUR = 3600 * 10**9


@pytest.fixture
def buses(tmp_path: Path) -> Iterator[list[Bus]]:
    with ExitStack() as stack:
        made = []
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            made.append(Bus(folder, host=f"host-{number}", heartbeat_ns=HOUR))
            stack.callback(made[-1].close)
        yield made


def test_only_links_with_something_to_do_are_advanced(
    buses: list[Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    advanced: Counter[Link] = Counter()
    advance = Link.advance

    def counted(link: Link) -> list[object]:
        advanced[link] += 1
        return advance(link)  # type: ignore[return-value]

    fleet = FleetView([bus.endpoint for bus in buses])
    try:
        until(lambda: fleet.joined, lambda: fleet.update(0.01))
        fleet.subscriber._waiting._sweep_at = time.monotonic() + 60
        until(lambda: not fleet.update(0.2), lambda: None)
        monkeypatch.setattr(Link, "advance", counted)
        guest = uuid.uuid4()
        for number in range(100):
            event = (DEFINED, STARTED)[number % 2]
            buses[1].rig.put_lifecycle(guest, event, 0, id_=1)
            until(lambda: len(fleet.update(0.05)) > 0, lambda: None)
        quiet, busy, other = (advanced[link] for link in fleet.subscriber._links)
        assert busy >= 100
        assert quiet + other <= 4
        assert str(guest) in fleet.hosts["host-1"].guests
    finally:
        fleet.close()


def test_every_host_is_followed_at_once_and_gaps_are_repaired(buses: list[Bus]) -> None:
    guests = [uuid.uuid4() for _ in range(20)]
    fleet = FleetView([bus.endpoint for bus in buses])
    try:
        until(lambda: fleet.joined, lambda: fleet.update(0.01))
        for number, bus in enumerate(buses):
            bus.churn(guests, 3000, seed=number)
        for bus in buses:
            bus.wait()

        def agreed() -> bool:
            views = fleet.subscriber.views
            return all(bus.agrees(view) for bus, view in zip(buses, views, strict=True))

        until(agreed, lambda: fleet.update(0.05))
    finally:
        fleet.close()


def test_more_hosts_than_a_context_of_libzmq_has_sockets_for(tmp_path: Path) -> None:
    endpoints = [
        Endpoint(f"ipc://{tmp_path}/{n}.events", f"ipc://{tmp_path}/{n}.requests")
        for n in range(600)
    ]
    fleet = FleetView(endpoints)
    try:
        assert fleet.update(0.0) == []
        assert not fleet.joined
    finally:
        fleet.close()
