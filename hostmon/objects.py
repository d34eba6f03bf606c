"""Storage pools and networks as figures: what a hypervisor keeps besides guests, now and then.

A pool whose storage hangs hangs whoever asks it: what is being asked is told before it is asked, so
that others see since when there is no answer.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from hostmon.driver.virt import PoolDescription
from hostmon.errors import HostmonError, ObjectNotFoundError
from hostmon.hypervisor import Connection

OBJECTS_S = 60.0
"""How often they are looked at."""

STALE_NS = int(2e9 * OBJECTS_S)
"""What is older is not shown: it was not read twice."""

HUNG_NS = 5_000_000_000
"""A pool that has not answered for so long has timed out."""


NETWORKS, POOLS = "networks", "storage pools"

T = TypeVar("T")


class HostObjects(msgspec.Struct, frozen=True):
    """What was found last, at ``read_ns``, of CLOCK_MONOTONIC as all times here; 0 for never.

    ``asked`` is the pool that is being asked, since ``asked_ns``. ``unread`` says of what could not
    be read at the last look why not: "networks", "storage pools", or a pool.
    """

    pools: dict[str, PoolDescription] = {}
    networks: dict[str, bool] = {}
    asked: str = ""
    asked_ns: int = 0
    read_ns: int = 0
    unread: dict[str, str] = {}

    @property
    def lists_unread(self) -> bool:
        """Whether not even a list could be read: its daemon may have been started anew."""
        return not self.unread.keys().isdisjoint((NETWORKS, POOLS))

    def fresh(self, now_ns: int) -> bool:
        """Whether it is so recent that it may be shown."""
        return bool(self.read_ns) and now_ns - self.read_ns <= STALE_NS

    def timed_out(self, now_ns: int) -> dict[str, bool]:
        """Of each pool, whether it does not answer; of one that is, however old the rest is."""
        hung = self.asked if self.asked and now_ns - self.asked_ns > HUNG_NS else ""
        names = set(self.pools if self.fresh(now_ns) else ()) | ({hung} if hung else set())
        return {name: name == hung for name in sorted(names)}


def read_objects(
    connection: Connection, last: HostObjects, found: Callable[[HostObjects], object]
) -> HostObjects:
    """Look at every network and pool, and tell ``found``.

    What can't be read is left out and said in ``unread``, and of nothing read all that was found
    stays. Raises what the hypervisor raises once the connection itself fails; nothing is being
    asked then, and what was found stays.
    """
    read_ns = time.monotonic_ns()
    unread: dict[str, str] = {}

    def tried(what: str, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except ObjectNotFoundError:
            return None  # gone since the list
        except HostmonError as error:
            # Networks and pools may be another daemon's, whose loss reads like the connection's.
            connection.version()
            unread[what] = str(error)
            return None

    try:
        networks = tried(NETWORKS, connection.networks)
        names = tried(POOLS, connection.pools)
        pools: dict[str, PoolDescription] = {}
        for name in names or ():
            so_far = {**last.pools, **pools}
            found(replace(last, pools=so_far, asked=name, asked_ns=time.monotonic_ns()))
            pool = tried(f"storage pool {name}", partial(connection.pool, name))
            if pool is not None:
                pools[name] = pool
    except Exception:
        found(replace(last, asked="", asked_ns=0))
        raise
    if networks is None and names is None:
        done = replace(last, asked="", asked_ns=0, unread=unread)
    else:
        active = {network.name: network.active for network in networks or ()}
        done = HostObjects(pools, active, read_ns=read_ns, unread=unread)
    found(done)
    return done
