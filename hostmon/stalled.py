"""Which connections do not take what is sent to them, by what waits in the kernel.

A subscriber that was stopped, or whose queue is full, reads no more; then what waits for it never
becomes less. One that takes a little now and then always has something waiting: what it has not
taken is memory of ours for as long. libzmq's heartbeats would not tell: none is sent while the
kernel's buffer is full, and they end processes besides (decision 0136).
"""

import struct
from fcntl import ioctl
from typing import NamedTuple

SIOCOUTQ = 0x5411  # linux/sockios.h: bytes not yet taken (unix(7)) or acknowledged (tcp(7))
SIOCOUTQNSD = 0x894B  # of TCP alone: those of them that have not been sent yet
LOOK_S = 0.5
STALLED_S = 5.0
# Below this it is what is on its way to one that keeps up. libzmq holds what the kernel does not
# take, and gives it more once two thirds (unix: a quarter) of its buffer are taken: of one for
# which it holds something more than this waits.
LITTLE = 8192
LAGGING_S = 30.0
# Some may lag for as long, together no more than these; who lags for less than that is not counted.
MOST_LAGGING = 64
LAGGARD_S = 2.0


def untaken(fd: int) -> int:
    """Bytes of a socket that its peer has not taken; 0 where there is no such socket."""
    try:
        return int(struct.unpack("i", ioctl(fd, SIOCOUTQ, bytes(4)))[0])
    except OSError:
        return 0


def unsent(fd: int) -> int:
    """Those of them that were not even sent: its peer, or the way there, has no room for more.

    Of a far one that takes all, some are always under way, and none of these unless more was given
    than its congestion window lets out. Of a unix socket all that its peer has not taken.
    """
    try:
        return int(struct.unpack("i", ioctl(fd, SIOCOUTQNSD, bytes(4)))[0])
    except OSError:
        return untaken(fd)


class Kept(NamedTuple):
    """Of one connection: bytes not taken, when they last became less, when few were unsent."""

    left: int
    back: int
    less: float
    few: float


class Waiting:
    """Connections by descriptor, with what waits for each."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}
        self._due = 0.0

    def add(self, fd: int) -> None:
        """A connection has begun."""
        self._kept[fd] = Kept(0, 0, 0.0, 0.0)

    def remove(self, fd: int) -> None:
        """A connection has ended."""
        self._kept.pop(fd, None)

    def stalled(self, now: float) -> list[int]:
        """Those to end, each told once.

        They took nothing for STALLED_S seconds, or not all for LAGGING_S, or have lagged longest
        where more than MOST_LAGGING do.
        """
        if now < self._due:
            return []
        self._due = now + LOOK_S
        for fd, kept in self._kept.items():
            self._kept[fd] = looked(kept, untaken(fd), unsent(fd), now)
        found = {
            fd
            for fd, kept in self._kept.items()
            if now - kept.less >= STALLED_S or now - kept.few >= LAGGING_S
        }
        lagging = [(kept.few, fd) for fd, kept in self._kept.items() if now - kept.few >= LAGGARD_S]
        lagging.sort()
        found.update(fd for _, fd in lagging[: max(0, len(lagging) - MOST_LAGGING)])
        for fd in found:
            self.remove(fd)
        return list(found)


def looked(before: Kept, left: int, back: int, now: float) -> Kept:
    """What is known of a connection of which so many bytes are not taken, or not even sent, now."""
    return Kept(
        left,
        back,
        now if before.left == 0 or left < before.left else before.less,
        now if before.back <= LITTLE or back <= LITTLE else before.few,
    )
