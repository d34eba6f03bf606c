"""Storage pools and networks as figures: what a hypervisor keeps besides guests, now and then.

A pool whose storage hangs hangs whoever asks it: what is being asked is told before it is asked, so
that others see since when there is no answer.
"""

import time
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from hostmon.driver.virt import PoolDescription
from hostmon.errors import ObjectNotFoundError
from hostmon.hypervisor import Connection

OBJECTS_S = 60.0
"""How often they are looked at."""

STALE_NS = int(2e9 * OBJECTS_S)
"""What is older is not shown: it was not read twice."""

HUNG_NS = 5_000_000_000
"""A pool that has not answered for so long has timed out."""


class HostObjects(msgspec.Struct, frozen=True):
    """What was found last, at ``read_ns``, of CLOCK_MONOTONIC as all times here; 0 for never.

    ``asked`` is the pool that is being asked, since ``asked_ns``.
    """

    pools: dict[str, PoolDescription] = {}
    networks: dict[str, bool] = {}
    asked: str = ""
    asked_ns: int = 0
    read_ns: int = 0

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

    Raises what the hypervisor raises; nothing is being asked then, and what was found stays.
    """
    read_ns = time.monotonic_ns()
    networks = {network.name: network.active for network in connection.networks()}
    pools: dict[str, PoolDescription] = {}
    for name in connection.pools():
        found(replace(last, asked=name, asked_ns=time.monotonic_ns()))
        try:
            pools[name] = connection.pool(name)
        except ObjectNotFoundError:
            continue  # gone since the list
        except Exception:
            found(replace(last, asked="", asked_ns=0))
            raise
    done = HostObjects(pools, networks, read_ns=read_ns)
    found(done)
    return done
