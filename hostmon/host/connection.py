"""The connection behind a Host: opening, testing and closing it, its events, its versions.

Owns the connection and what is registered on it. When to connect again, others decide.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import libvirt

from hostmon import eventloop
from hostmon._callbacks import Callbacks
from hostmon._pipe import EventPipe
from hostmon.errors import LibvirtError, NotConnectedError
from hostmon.guest.signals import Signals
from hostmon.libvirt_errors import silence, translated

log = logging.getLogger(__name__)

MIN_LIBVIRT_VERSION = (7, 0, 0)
CLOSE_REASONS = ("error", "end of file", "keepalive timeout", "client")


def version_tuple(number: int) -> tuple[int, int, int]:
    """libvirt's version number as major, minor, release (virGetVersion)."""
    return number // 1_000_000, number // 1_000 % 1_000, number % 1_000


class Connection:
    """The connection of a Host to ``uri``; read-only unless ``read_write`` asks for more.

    A read-write connection is as good as root on the host: monitoring never opens one, a driver
    that acts opens its own. ``on_close`` is called in libvirt's event thread, with the
    reason, when the connection is lost: it must only wake somebody. Keepalive asks every
    ``keepalive_interval`` seconds and gives up after ``keepalive_count`` answers missed.
    """

    def __init__(
        self,
        uri: str,
        *,
        read_write: bool = False,
        on_close: Callable[[str], None] | None = None,
        keepalive_interval: int = 5,
        keepalive_count: int = 3,
    ) -> None:
        self.uri = uri
        self.read_write = read_write
        self._on_close = on_close
        self._keepalive = (keepalive_interval, keepalive_count)
        self._connection: libvirt.virConnect | None = None
        self._callbacks: Callbacks | None = None
        self._signals: Signals | None = None

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @translated("connection")
    def connect(self) -> None:
        """Open the connection; blocks for as long as libvirtd does.

        Raises NotConnectedError when nothing answers, LibvirtError when libvirt refuses or is older
        than MIN_LIBVIRT_VERSION.
        """
        eventloop.start()
        silence()
        self.close()
        connection = (libvirt.open if self.read_write else libvirt.openReadOnly)(self.uri)
        try:
            version = version_tuple(connection.getLibVersion())
            if version < MIN_LIBVIRT_VERSION:
                raise LibvirtError(
                    f"{self.uri}: libvirt {'.'.join(map(str, version))} is too old; "
                    f"install {'.'.join(map(str, MIN_LIBVIRT_VERSION))} or later"
                )
            # test:/// and other drivers within this process have no connection to keep alive.
            with suppress(libvirt.libvirtError):
                connection.setKeepAlive(*self._keepalive)
            connection.registerCloseCallback(self._closed, None)
        except (libvirt.libvirtError, LibvirtError):
            connection.close()
            raise
        self._connection = connection
        self._signals = Signals(connection)

    def close(self) -> None:
        """Close the connection, its events first; harmless when there is none."""
        connection, self._connection = self._connection, None
        callbacks, self._callbacks = self._callbacks, None
        signals, self._signals = self._signals, None
        if signals is not None:
            signals.close()
        if callbacks is not None:
            callbacks.detach()
        if connection is not None:
            with suppress(libvirt.libvirtError):
                connection.unregisterCloseCallback()
            with suppress(libvirt.libvirtError):
                connection.close()
            # A callback may be running in the event thread while it is deregistered.
            if not eventloop.turn():
                log.warning("libvirt's event loop is blocked by a callback")

    def _closed(self, _connection: object, reason: int, _opaque: object) -> None:
        text = CLOSE_REASONS[reason] if 0 <= reason < len(CLOSE_REASONS) else str(reason)
        if self._signals is not None:
            self._signals.lost()
        if self._on_close is not None:
            self._on_close(text)

    @property
    def connection(self) -> libvirt.virConnect:
        """libvirt's own connection object; raises NotConnectedError when there is none."""
        if self._connection is None:
            raise NotConnectedError(f"{self.uri}: not connected; connect first, or wait")
        return self._connection

    @property
    def connected(self) -> bool:
        """Whether a connection is open and, as far as keepalive knows, alive."""
        try:
            return self._connection is not None and bool(self._connection.isAlive())
        except libvirt.libvirtError:
            return False

    @property
    def signals(self) -> Signals:
        """The events of this connection, for those who watch a guest."""
        if self._signals is None:
            raise NotConnectedError(f"{self.uri}: not connected; connect first, or wait")
        return self._signals

    def test(self) -> bool:
        """Whether libvirt answers right now: one round trip, which blocks while libvirtd does."""
        try:
            self.connection.getLibVersion()
        except (libvirt.libvirtError, NotConnectedError):
            return False
        return True

    def attach_events(self, pipe: EventPipe) -> tuple[str, ...]:
        """Write every event of this connection into ``pipe``; returns the kinds it refuses.

        Attaching again first detaches: an event is never delivered twice. Raises LibvirtError where
        libvirt refuses lifecycle events: without them nothing would follow.
        """
        if self._callbacks is not None:
            self._callbacks.detach()
        self._callbacks = Callbacks(self.connection, pipe)
        refused = self._callbacks.attach()
        if "lifecycle" in refused:
            raise LibvirtError(f"no lifecycle events from {self.uri}: {self._callbacks.refusal}")
        return refused

    @property
    def unreached(self) -> bool:
        """Whether libvirtd refused events since it reached nobody who has them."""
        return self._callbacks is not None and self._callbacks.unreached

    @property
    @translated("libvirt's version")
    def libvirt_version(self) -> tuple[int, int, int]:
        """Version of the libvirtd that answers."""
        return version_tuple(self.connection.getLibVersion())

    @property
    @translated("hypervisor's version")
    def hypervisor_version(self) -> tuple[int, int, int]:
        """Version of QEMU or another hypervisor; (0, 0, 0) where the driver has none."""
        return version_tuple(self.connection.getVersion())

    @property
    @translated("hypervisor's type")
    def hypervisor_type(self) -> str:
        """``QEMU``, ``TEST``, ``LXC`` …: the driver's name (virConnectGetType)."""
        return str(self.connection.getType())

    def has_min_version(
        self,
        libvirt_version: tuple[int, int, int] | None = None,
        hypervisor_version: tuple[int, int, int] | None = None,
        hypervisor_type: str | None = None,
    ) -> bool:
        """Whether libvirt and hypervisor are at least this, and of this type; None asks nothing."""
        if libvirt_version is not None and self.libvirt_version < libvirt_version:
            return False
        if hypervisor_version is not None and self.hypervisor_version < hypervisor_version:
            return False
        return hypervisor_type is None or self.hypervisor_type == hypervisor_type
