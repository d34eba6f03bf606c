"""Host: one connection to libvirt, and what it says of the machine.

Owns the connection and the events registered on it; opened read-only. Holds no policy and reads no
settings: when to connect again, and what to do with a guest, others decide.
"""

import logging
import uuid as uuidlib
from collections.abc import Callable
from contextlib import suppress

import libvirt

from hostmon import eventloop
from hostmon._callbacks import Callbacks
from hostmon._pipe import EventPipe
from hostmon.errors import LibvirtError, NotConnectedError
from hostmon.guest import Guest
from hostmon.libvirt_errors import silence, translated

log = logging.getLogger(__name__)

MIN_LIBVIRT_VERSION = (7, 0, 0)
CLOSE_REASONS = ("error", "end of file", "keepalive timeout", "client")


def version_tuple(number: int) -> tuple[int, int, int]:
    """libvirt's version number as major, minor, release (virGetVersion)."""
    return number // 1_000_000, number // 1_000 % 1_000, number % 1_000


class Host:
    """One host, through one read-only connection to ``uri``.

    ``on_close`` is called in libvirt's event thread, with the reason, when the connection is lost:
    it must only wake somebody. Keepalive asks every ``keepalive_interval`` seconds and gives up
    after ``keepalive_count`` answers missed.
    """

    def __init__(
        self,
        uri: str,
        *,
        on_close: Callable[[str], None] | None = None,
        keepalive_interval: int = 5,
        keepalive_count: int = 3,
    ) -> None:
        self.uri = uri
        self._on_close = on_close
        self._keepalive = (keepalive_interval, keepalive_count)
        self._connection: libvirt.virConnect | None = None
        self._callbacks: Callbacks | None = None

    def __enter__(self) -> "Host":
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
        connection = libvirt.openReadOnly(self.uri)
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

    def close(self) -> None:
        """Close the connection, its events first; harmless when there is none."""
        connection, self._connection = self._connection, None
        callbacks, self._callbacks = self._callbacks, None
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

    def attach_events(self, pipe: EventPipe) -> tuple[str, ...]:
        """Write every event of this connection into ``pipe``; returns the kinds not supported.

        Attaching again first detaches: an event is never delivered twice.
        """
        if self._callbacks is not None:
            self._callbacks.detach()
        self._callbacks = Callbacks(self.connection, pipe)
        return self._callbacks.attach()

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

    @property
    @translated("host's name")
    def hostname(self) -> str:
        """The host's name, as libvirt knows it."""
        return str(self.connection.getHostname())

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

    @translated("list of guests")
    def list_guests(self) -> list[Guest]:
        """Every guest, running or not."""
        return [Guest(domain) for domain in self.connection.listAllDomains(0)]

    @translated("guest")
    def guest(self, uuid: uuidlib.UUID) -> Guest:
        """One guest; raises GuestNotFoundError when libvirt knows none of this uuid."""
        return Guest(self.connection.lookupByUUID(uuid.bytes))
