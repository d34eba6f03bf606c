"""A dispatcher publishing what is put into its pipe, and a subscriber that has joined it."""

import contextlib
import threading
import uuid
from collections.abc import Sequence

import zmq

from hostmon import events, kinds, wire
from hostmon._dispatcher import Dispatcher
from hostmon._pipe import EventPipe, record
from hostmon._table import GuestTable
from hostmon.ledger import HostLedger
from hostmon.machine.topology import Topology
from hostmon.publisher import zmq_library
from hostmon.samples import Guest

EPOCH = 1_700_000_000_000_000_000
HOST = "host-ä"
NOWHERE = Topology(arch="", cells=())


class Rig:
    """Everything from the pipe to a subscriber, of host and raw events and ``also``; close it."""

    def __init__(
        self,
        address: str,
        *,
        queue_size: int = 8 << 20,
        running: bool = True,
        epoch: int = EPOCH,
        host: str = HOST,
        also: Sequence[str] = (),
        topology: Topology = NOWHERE,
        **options: int,
    ) -> None:
        self.address = address
        self.pipe = EventPipe(queue_size)
        self.table = GuestTable()
        self.ledger = HostLedger(topology)
        self.dispatcher = Dispatcher(
            self.pipe, self.table, epoch, host, zmq_library(), ledger=self.ledger, **options
        )
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.subscriber = self.context.socket(zmq.SUB)
        self.subscriber.rcvhwm = 0
        for kind in (kinds.DOMAIN_KINDS | kinds.KERNEL_KINDS).values():
            self.subscriber.subscribe(f"lifecycle/{kind}/")
        for prefix in ("host/", *also):
            self.subscriber.subscribe(prefix)
        self.thread = threading.Thread(target=self._dispatch)
        self._ready = threading.Event()
        if running:
            self.run()

    def run(self) -> None:
        """Start the dispatcher, and join it as a subscriber."""
        self.thread.start()
        assert self._ready.wait(10)
        self.subscriber.connect(self.address)
        # Events are lost until the publisher knows of the subscriber: send until one arrives.
        self.subscriber.rcvtimeo = 20
        while True:
            self.pipe.put(record(kinds.NUMBERS["pool-refresh"]))
            with contextlib.suppress(zmq.Again):
                self.subscriber.recv()
                break
        with contextlib.suppress(zmq.Again):
            while True:
                self.subscriber.recv()
        self.subscriber.rcvtimeo = 10_000

    def _dispatch(self) -> None:
        with self.context.socket(zmq.XPUB) as socket:
            socket.sndhwm = 0
            socket.bind(self.address)
            self._ready.set()
            self.dispatcher.run(socket.underlying)

    def receive(self) -> tuple[str, bytes]:
        """The next message: topic and payload."""
        return wire.split(self.subscriber.recv())

    def receive_event(self) -> events.Event:
        """The next event."""
        return wire.decode(self.receive()[1])

    def lifecycle(self) -> tuple[str | int, str | int, str]:
        """The next event, which is one of a guest's life: event, detail, origin."""
        event = self.receive_event()
        assert isinstance(event, events.LifecycleEvent), event
        return event.event, event.detail, event.origin

    def put_lifecycle(self, guest: uuid.UUID, event: int, detail: int, *, id_: int = -1) -> None:
        """Put one lifecycle event as a callback would."""
        self.pipe.put(record(0, uuid=guest.bytes, name=b"g", event=event, detail=detail, id=id_))

    def guest(self, guest: uuid.UUID) -> Guest | None:
        """The guest's row, None when the table holds none."""
        snapshot = self.table.snapshot()
        return snapshot.guest(guest.bytes) if guest.bytes in snapshot.uuids else None

    def settle(self) -> None:
        """Wait until everything put so far was dispatched: an event behind it has arrived."""
        self.pipe.put(record(kinds.NUMBERS["pool-refresh"], uuid=bytes(16), name=b"settled"))
        event = self.receive_event()
        assert isinstance(event, events.PoolRefreshEvent), event

    def close(self) -> None:
        """Stop and take everything down."""
        if self.thread.is_alive():
            self.dispatcher.stop()
            self.thread.join(10)
        self.subscriber.close(0)
        self.context.term()
