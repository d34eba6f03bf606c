"""The driver itself: follows the account by events, and publishes the inventory when it changes.

A subscriber that comes later is given the latest one at once, or with the next heartbeat.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import msgspec
import zmq

from hostmon.account import HostAccount
from hostmon.client.view import counted
from hostmon.driver import Capabilities, Driver, DriverContext
from hostmon.errors import AgentUnreachableError, DriverError, ProtocolError
from hostmon.events import Event
from hostmon.kinds import CLASS_OF
from hostmon.machine.traits import traits_of
from hostmon.publisher import Access, BoundSocket
from hostmon.settings import check_address, runtime_directory
from hostmon_drivers.inventory.resources import resources_of
from hostmon_drivers.inventory.types import Inventory, encode

CPUINFO = Path("/proc/cpuinfo")


class InventorySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``publish`` is where, an address of the bus's sort; empty: a socket beside the agent's.

    ``traits`` are added to those of the processors.
    """

    publish: str = ""
    traits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.publish:
            try:
                check_address(self.publish)
            except ValueError as error:
                raise ValueError(f"publish = {self.publish!r}: {error}") from None


class InventoryDriver(Driver):
    """Publishes resource classes and traits of the host on each change, for schedulers."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = InventorySettings
    # The heartbeat, too: it tells the account's sums, and serves subscribers while nothing happens.
    capabilities = Capabilities(topics=tuple(sorted(CLASS_OF)))

    def __init__(self, cpuinfo: Path = CPUINFO) -> None:
        self._cpuinfo = cpuinfo
        self._open = ExitStack()
        self._account: HostAccount | None = None
        self._published: Inventory | None = None

    def start(self, context: DriverContext) -> None:
        """Bind, and publish what is known."""
        settings: InventorySettings = context.settings
        self._context = context
        address = settings.publish or f"ipc://{runtime_directory() / 'inventory.sock'}"
        zmq_context = self._open.enter_context(zmq.Context())
        self._socket = self._open.enter_context(
            BoundSocket(zmq_context, zmq.XPUB, [address], access=Access())
        ).socket
        self._traits = tuple(sorted({*traits_of(self._cpuinfo), *settings.traits}))
        try:
            status = context.view.status()
        except (AgentUnreachableError, ProtocolError) as error:
            raise DriverError(str(error)) from None
        self._account = status.account
        self._publish(status.epoch)

    def handle(self, event: Event) -> None:
        """Follow the account; publish it if schedulers see a difference."""
        self._account = counted(self._account, event)
        self._publish(event.epoch)

    def _publish(self, epoch: int) -> None:
        self._serve()
        if self._account is None:
            return
        last = self._published
        now = Inventory(
            host=self._context.host,
            epoch=epoch,
            generation=last.generation if last else 1,
            changes=self._account.changes,
            resources=resources_of(self._account),
            traits=self._traits,
        )
        if last is not None:
            if (last.resources, last.epoch) == (now.resources, now.epoch):
                return
            generation = last.generation + 1 if last.epoch == epoch else 1
            now = msgspec.structs.replace(now, generation=generation)
        self._published = now
        message = encode(now)
        self._socket.setsockopt(zmq.XPUB_WELCOME_MSG, message)
        self._socket.send(message, zmq.DONTWAIT)

    def _serve(self) -> None:
        """Take subscriptions: libzmq welcomes a subscriber when its socket is touched."""
        while self._socket.poll(0):
            self._socket.recv()

    def stop(self) -> None:
        """Unbind."""
        self._open.close()
