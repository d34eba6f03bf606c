"""The publisher's socket: where the bus is bound, and with which limits.

A ZeroMQ socket stays in the thread that made it: the dispatcher's thread makes and closes this one.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import zmq
import zmq.backend.cython._zmq as zmq_backend

from hostmon.errors import AddressInUseError, SettingsError

# libzmq's default of 1,000 loses messages silently. A message takes about 0.3 KB: a subscriber that
# stands still costs 30 MB at most, then loses, sees the gap and repairs it.
SEND_HIGH_WATER_MARK = 100_000


def zmq_library() -> bytes:
    """Path of the library that holds pyzmq's own libzmq, for resolving its functions."""
    return os.fsencode(str(zmq_backend.__file__))


@contextmanager
def bound(
    context: zmq.Context[zmq.Socket[bytes]],
    kind: int,
    addresses: Sequence[str],
    *,
    mode: int = 0o660,
    high_water_mark: int = SEND_HIGH_WATER_MARK,
    longest_message: int = -1,
) -> Iterator[zmq.Socket[bytes]]:
    """A socket bound to every address; ipc sockets get ``mode`` and are removed at the end.

    A peer that sends more than ``longest_message`` bytes at once is cut off (-1: no limit).

    Raises AddressInUseError where another process is listening, SettingsError where an address
    can't be bound at all. A socket file that a dead process left behind is replaced.
    """
    socket = context.socket(kind)
    socket.linger = 0
    socket.sndhwm = high_water_mark
    socket.maxmsgsize = longest_message
    ours: list[Path] = []
    try:
        for address in addresses:
            bind(socket, address, mode)
            if path := ipc_path(address):
                ours.append(path)
        yield socket
    finally:
        socket.close(0)
        for path in ours:
            path.unlink(missing_ok=True)


def ipc_path(address: str) -> Path | None:
    """The socket file of an ipc address, None for other transports."""
    return Path(address.removeprefix("ipc://")) if address.startswith("ipc://") else None


def bind(socket: zmq.Socket[bytes], address: str, mode: int) -> None:
    """Bind one address; see :func:`bound`."""
    path = ipc_path(address)
    if path is not None:
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
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        if error.errno == zmq.EADDRINUSE:
            raise AddressInUseError(
                f"{address}: another process listens there; stop it or set another address"
            ) from None
        raise SettingsError(f"{address}: {error.strerror}; give another address") from None
    if path is not None:
        path.chmod(mode)


def answers(path: Path) -> bool:
    """Whether a process listens on a socket file: libzmq would silently take the file from it."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, suppress(OSError):
        probe.settimeout(1)
        probe.connect(str(path))
        return True
    return False
