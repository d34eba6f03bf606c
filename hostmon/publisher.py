"""The bus's own sockets: where they are bound, who may reach them, and with which limits.

A ZeroMQ socket stays in the thread that made it: whoever uses a :class:`BoundSocket` makes it.
"""

import itertools
import logging
import os
import shutil
import socket as sockets
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Self

import msgspec
import zmq
import zmq.backend.cython._zmq as zmq_backend

from hostmon.errors import AddressInUseError, HostmonError, SettingsError
from hostmon.keys import Pair, check_folder, load_agent_pair
from hostmon.settings import BusSettings

# libzmq's default of 1,000 loses messages silently. A message takes about 0.3 KB: a subscriber that
# stands still costs 30 MB at most, then loses, sees the gap and repairs it.
SEND_HIGH_WATER_MARK = 100_000
HANDSHAKE = 2000  # milliseconds: who has not shaken hands by then is cut off
# Seconds of silence before TCP's first probe and between two, and how many go unanswered.
KEEPALIVE = (3, 1, 3)
ZAP_DOMAIN = b"hostmon"
MONITORED = zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED

ATTEMPTS = 50

Monitors = SimpleQueue[zmq.Socket[bytes]]

_openings = itertools.count(1)
log = logging.getLogger(__name__)


def zmq_library() -> bytes:
    """Path of the library that holds pyzmq's own libzmq, for resolving its functions."""
    return os.fsencode(str(zmq_backend.__file__))


class Access(msgspec.Struct, frozen=True):
    """Who may reach a socket: the ipc file's mode and ``USER:GROUP`` (empty: the agent's own).

    ``keys`` encrypt every TCP address, and clients need keys that are allowed.
    """

    mode: int = 0o660
    owner: str = ""
    keys: Pair | None = None


def access_of(bus: BusSettings) -> Access:
    """Who may reach the bus's sockets, by the configuration; raises SettingsError."""
    pair = None
    if bus.keys:
        check_folder(Path(bus.keys))
        pair = load_agent_pair(Path(bus.keys), os.environ.get("CREDENTIALS_DIRECTORY"))
    return Access(mode=int(bus.ipc_mode, 8), owner=bus.ipc_owner, keys=pair)


class BoundSocket:
    """A socket bound to every address, until closed; in one thread.

    A peer that sends more than ``longest_message`` bytes at once is cut off. What happens to
    connections must be taken from the last of ``monitors``, one more at each opening, by the one
    thread that closes them: libzmq stands still while nobody takes it. Without ``monitors`` there
    is no gate, and there may be no keys.

    Raises AddressInUseError where another process is listening, SettingsError where an address
    can't be bound at all. A socket file that a dead process left behind is replaced.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        kind: int,
        addresses: Sequence[str],
        *,
        access: Access,
        monitors: Monitors | None = None,
        high_water_mark: int = SEND_HIGH_WATER_MARK,
        longest_message: int = -1,
    ) -> None:
        self._monitors = monitors
        self._context = context
        self._kind = kind
        # Options hold for what is bound after them: ipc first, unencrypted, then TCP.
        self._addresses = sorted(addresses, key=lambda address: not address.startswith("ipc:"))
        self._access = access
        self._paths = [path for address in self._addresses if (path := ipc_path(address))]
        self._names = {str(path) for path in self._paths} | {
            int(address.rpartition(":")[2]) for address in addresses if address[:4] == "tcp:"
        }
        self._high_water_mark = high_water_mark
        self._longest_message = longest_message
        self.socket = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, and remove its files."""
        self.socket.close(0)
        self.remove_files()

    def remove_files(self) -> None:
        """Let nobody come any more who has not come yet; from any thread."""
        for path in self._paths:
            path.unlink(missing_ok=True)

    def reopen(self) -> None:
        """End every connection; who may connect comes again, and repairs what it missed."""
        self.close()
        self.socket = self._open()

    def owns(self, fd: int) -> bool:
        """Whether a descriptor is a connection to this socket: it may be something else by now."""
        try:
            peer = sockets.socket(fileno=fd)
        except OSError:
            return False
        try:
            name = peer.getsockname()
        except OSError:
            return False
        finally:
            peer.detach()
        return (name[1] if isinstance(name, tuple) else name) in self._names

    def _open(self) -> zmq.Socket[bytes]:
        socket = self._context.socket(self._kind)
        try:
            socket.linger = 0
            socket.sndhwm = self._high_water_mark
            socket.maxmsgsize = self._longest_message
            socket.handshake_ivl = HANDSHAKE
            # ZMTP's heartbeats stay off: decision 0136.
            socket.tcp_keepalive = 1
            idle, interval, count = KEEPALIVE
            socket.tcp_keepalive_idle, socket.tcp_keepalive_intvl = idle, interval
            socket.tcp_keepalive_cnt = count
            if self._kind == zmq.XPUB:
                socket.setsockopt(zmq.XPUB_VERBOSER, 1)
            if self._kind == zmq.ROUTER:  # otherwise it tells of no answer that it drops
                socket.router_mandatory = 1
            if self._monitors is not None:
                self._guard(socket, self._monitors)
            self._bind(socket)
        except BaseException:
            socket.close(0)
            raise
        return socket

    def _guard(self, socket: zmq.Socket[bytes], monitors: Monitors) -> None:
        """Have the gate asked of every peer, and told of every connection."""
        # With a domain libzmq takes none that speaks a protocol too old to be asked of; unless
        # enforced, it lets all in when there is nobody to ask.
        socket.zap_domain = ZAP_DOMAIN
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        address = f"inproc://monitor-{next(_openings)}"
        socket.monitor(address, MONITORED)
        heard = self._context.socket(zmq.PAIR)
        heard.linger = 0
        heard.rcvhwm = 1
        heard.connect(address)
        monitors.put(heard)

    def _bind(self, socket: zmq.Socket[bytes]) -> None:
        keys = self._access.keys
        for address in self._addresses:
            if keys is not None and not address.startswith("ipc:"):
                socket.curve_secretkey = keys.secret.encode()
                socket.curve_server = True
            bind(socket, address, self._access)


class Errands:
    """What other threads want done to a socket, done in its own; a failing one is tried again."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Callable[[BoundSocket], None]] = SimpleQueue()

    def put(self, errand: Callable[[BoundSocket], None]) -> None:
        """Want something done."""
        self._waiting.put(errand)

    def do(self, bus: BoundSocket) -> None:
        """Do everything that is wanted now; an address may be taken for a moment."""
        while not self._waiting.empty():
            errand = self._waiting.get()
            for attempt in range(ATTEMPTS):
                try:
                    errand(bus)
                    break
                except HostmonError as error:
                    log.error("the bus: %s", error)
                    if attempt == ATTEMPTS - 1:
                        raise
                    time.sleep(0.1)


def ipc_path(address: str) -> Path | None:
    """The socket file of an ipc address, None for other transports."""
    return Path(address.removeprefix("ipc://")) if address.startswith("ipc://") else None


def bind(socket: zmq.Socket[bytes], address: str, access: Access) -> None:
    """Bind one address; see :class:`BoundSocket`."""
    path = ipc_path(address)
    if path is not None:
        prepare(address, path)
    # The file must not be open to others even for a moment.
    mask = os.umask(0o777 & ~access.mode)
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        if error.errno == zmq.EADDRINUSE:
            raise AddressInUseError(
                f"{address}: another process listens there; stop it or set another address"
            ) from None
        raise SettingsError(f"{address}: {error.strerror}; give another address") from None
    finally:
        os.umask(mask)
    if path is not None:
        path.chmod(access.mode)
        give(path, access.owner)


def prepare(address: str, path: Path) -> None:
    """Make room for a socket file: its folder, and nobody in its place."""
    if path.exists():
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise SettingsError(f"{address}: is a file, not a socket; give another path")
        if answers(path):
            raise AddressInUseError(
                f"{address}: another process listens there; stop it or set another address"
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{address}: {error.strerror}; give a path you may write") from None


def give(path: Path, owner: str) -> None:
    """Give a socket file to ``USER``, ``USER:GROUP`` or ``:GROUP``; raises SettingsError."""
    user, _, group = owner.partition(":")
    try:
        if user:
            shutil.chown(path, user=int(user) if user.isdigit() else user)
        if group:
            shutil.chown(path, group=int(group) if group.isdigit() else group)
    except (LookupError, OSError) as error:
        raise SettingsError(f"{path}: owner {owner!r}: {error}; name one that you may") from None


def answers(path: Path) -> bool:
    """Whether a process listens on a socket file: libzmq would silently take the file from it."""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe, suppress(OSError):
        probe.settimeout(1)
        probe.connect(str(path))
        return True
    return False
