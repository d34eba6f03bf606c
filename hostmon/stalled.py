"""Which connections take nothing of what is sent to them, by what waits in the kernel.

A subscriber that was stopped, or whose queue is full, reads no more; then what waits for it never
becomes less. libzmq's heartbeats would not tell: none is sent while the kernel's buffer is full,
and they end processes besides (decision 0136).
"""

import struct
from fcntl import ioctl

SIOCOUTQ = 0x5411  # linux/sockios.h: bytes not yet taken (unix(7)) or acknowledged (tcp(7))
LOOK_S = 0.5
STALLED_S = 5.0


def unsent(fd: int) -> int:
    """Bytes of a socket that its peer has not taken; 0 where there is no such socket."""
    try:
        return int(struct.unpack("i", ioctl(fd, SIOCOUTQ, bytes(4)))[0])
    except OSError:
        return 0


class Waiting:
    """Connections by descriptor, and since when what waits for each has not become less."""

    def __init__(self) -> None:
        self._since: dict[int, tuple[int, float]] = {}
        self._due = 0.0

    def add(self, fd: int) -> None:
        """A connection has begun."""
        self._since[fd] = (0, 0.0)

    def remove(self, fd: int) -> None:
        """A connection has ended."""
        self._since.pop(fd, None)

    def stalled(self, now: float) -> list[int]:
        """Those that have taken nothing for STALLED_S seconds; each is told once."""
        if now < self._due:
            return []
        self._due = now + LOOK_S
        found = []
        for fd, (before, since) in self._since.items():
            left = unsent(fd)
            taken = before == 0 or left < before
            self._since[fd] = (left, now if taken else since)
            if left and not taken and now - since >= STALLED_S:
                found.append(fd)
        for fd in found:
            self.remove(fd)
        return found
