"""One simulated host: an agent's bus and account, whose guests are told and not run."""

import time
import uuid
from pathlib import Path

from hostmon import records
from hostmon._dispatcher import Dispatcher
from hostmon._ledger import Taken
from hostmon._pipe import EventPipe, record
from hostmon._table import GuestTable
from hostmon.account import GuestClaim, HostAccount, Offer
from hostmon.answers import Answers
from hostmon.client import Endpoint
from hostmon.dispatcher import DispatcherThread
from hostmon.driver.virt import GuestDescription
from hostmon.gate import Gate
from hostmon.ledger import HostLedger
from hostmon.machine.topology import Cell, Cpu, Topology
from hostmon.publisher import Access, zmq_library
from hostmon.requests import RequestServer
from hostmon.settings import BusSettings
from hostmon.status import AgentStatus, GuestStatus

STARTED, STOPPED, RUNNING = 2, 5, 1
DEADLINE_S = 10.0


class SimulatedHost:
    """A host of so many vCPUs and bytes, its sockets in ``folder``; start and stop its parts."""

    def __init__(
        self, folder: Path, name: str, vcpus: int, memory: int, gate: Gate, offer: Offer
    ) -> None:
        cell = Cell(0, memory, tuple(Cpu(number) for number in range(vcpus)))
        self.name = name
        self.pipe = EventPipe()
        self.ledger = HostLedger(Topology(arch="", cells=(cell,)), offer)
        self.endpoint = Endpoint(f"ipc://{folder}/{name}.events", f"ipc://{folder}/{name}.requests")
        bus = BusSettings(events=(self.endpoint.events,), requests=self.endpoint.requests)
        table = GuestTable()
        dispatcher = Dispatcher(
            self.pipe, table, time.time_ns(), name, zmq_library(),
            reboot_window_ns=0, ring_size=1 << 20, ledger=self.ledger,
        )  # fmt: skip
        self.answers = Answers(self, table, dispatcher)
        self.doors = (
            DispatcherThread(dispatcher, bus, gate, Access()),
            RequestServer(bus.requests_addresses, self.answers, gate, Access()),
        )
        self._ids = 0

    def start(self) -> None:
        """Listen."""
        for door in self.doors:
            door.start()

    def stop(self) -> None:
        """Listen no more."""
        for door in reversed(self.doors):
            door.stop()

    # What the agent's parts ask of it.

    def account(self, taken: Taken | None = None) -> HostAccount:
        return self.ledger.account(taken=taken)

    def is_current(self) -> bool:
        return True

    def connection(self) -> str:
        return "up"

    def ailing(self) -> tuple[str, ...]:
        return ()

    def connection_reason(self) -> str:
        return "simulated"

    def status(self) -> AgentStatus:
        raise AssertionError("nobody asks a simulated host for it")

    def guests(self) -> tuple[GuestStatus, ...]:
        raise AssertionError("nobody asks a simulated host for it")

    def metrics(self, **_: object) -> bytes:
        raise AssertionError("nobody asks a simulated host for it")

    def metric_pieces(self, **_: object) -> tuple[bytes, ...]:
        raise AssertionError("nobody asks a simulated host for it")

    # What happens to its guests, as libvirt and the keeper would tell it.

    def start_guest(self, guest: uuid.UUID, vcpus: int, memory: int) -> None:
        """A transient guest starts; its sizes are told right behind."""
        self._ids += 1
        self.pipe.put(self._event(guest, STARTED, self._ids))
        claim = GuestClaim(guest.bytes, True, False, vcpus, memory, 0, 0, vcpus)
        told = GuestDescription(
            uuid=guest, name="guest", id=self._ids, state=RUNNING, reason=1, vcpus=vcpus,
            memory=memory, memory_max=memory, cpu_time_ns=0, persistent=False, autostart=False,
        )  # fmt: skip
        self.pipe.put(records.facts(told, time.monotonic_ns(), claim, resync=False))

    def stop_guest(self, guest: uuid.UUID) -> None:
        """It stops, and the stop is settled."""
        self.pipe.put(self._event(guest, STOPPED, -1))
        self.pipe.put(records.gone(guest.bytes, time.monotonic_ns()))

    def wait_for(self, guest: uuid.UUID, *, running: bool) -> None:
        """Until the account counts a guest with its sizes, or does not count it any more."""
        end = time.monotonic() + DEADLINE_S
        while True:
            found = self.ledger.claim(guest.bytes)
            if (found is not None and found[4] > 0) if running else found is None:
                return
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name}: no end to waiting for {guest}")
            time.sleep(0.0001)

    def _event(self, guest: uuid.UUID, event: int, number: int) -> bytes:
        return record(0, uuid=guest.bytes, name=b"guest", event=event, id=number)
