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

HUNG_NS = 5_000_000_000
"""A pool that has not answered for so long has timed out."""


class HostObjects(msgspec.Struct, frozen=True):
    """What was found last; ``asked`` is the pool that is being asked, since ``asked_ns``."""

    pools: dict[str, PoolDescription] = {}
    networks: dict[str, bool] = {}
    asked: str = ""
    asked_ns: int = 0

    def timed_out(self, now_ns: int) -> dict[str, bool]:
        """Of each pool, whether it does not answer (CLOCK_MONOTONIC)."""
        hung = self.asked if self.asked and now_ns - self.asked_ns > HUNG_NS else ""
        names = set(self.pools) | ({hung} if hung else set())
        return {name: name == hung for name in sorted(names)}


def read_objects(
    connection: Connection, last: HostObjects, found: Callable[[HostObjects], object]
) -> HostObjects:
    """Look at every network and pool, and tell ``found``."""
    networks = {network.name: network.active for network in connection.networks()}
    pools: dict[str, PoolDescription] = {}
    for name in connection.pools():
        found(replace(last, asked=name, asked_ns=time.monotonic_ns()))
        try:
            pools[name] = connection.pool(name)
        except ObjectNotFoundError:
            continue  # gone since the list
    done = HostObjects(pools, networks)
    found(done)
    return done
