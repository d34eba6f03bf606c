"""Storage pools and networks: what is shown of them while libvirt or a pool gives no answer."""

from typing import cast

import pytest

from hostmon.driver.virt import NetworkDescription, PoolDescription
from hostmon.errors import NotConnectedError, ObjectNotFoundError
from hostmon.figures import object_figures
from hostmon.hypervisor import Connection
from hostmon.objects import HUNG_NS, STALE_NS, HostObjects, read_objects

POOL = PoolDescription(capacity=10, allocation=4, available=6, state=2)
SECOND = 1_000_000_000


class Hypervisor:
    """A connection with two pools, of which one may fail to answer."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def networks(self) -> tuple[NetworkDescription, ...]:
        return (NetworkDescription(name="n", active=True),)

    def pools(self) -> tuple[str, ...]:
        return "p", "q"

    def pool(self, name: str) -> PoolDescription:
        if self.error is not None and name == "q":
            raise self.error
        return POOL


def read(hypervisor: Hypervisor, told: list[HostObjects]) -> HostObjects:
    return read_objects(cast("Connection", hypervisor), told[-1], told.append)


def test_an_error_of_libvirts_is_no_pool_that_hangs() -> None:
    told = [HostObjects()]
    first = read(Hypervisor(), told)
    with pytest.raises(NotConnectedError):
        read(Hypervisor(NotConnectedError("away")), told)
    last = told[-1]
    assert (last, last.asked) == (first, "")
    now = first.read_ns + HUNG_NS + SECOND
    assert last.timed_out(now) == {"p": False, "q": False}


def test_a_pool_that_vanished_since_the_list_is_left_out() -> None:
    found = read(Hypervisor(ObjectNotFoundError("q")), [HostObjects()])
    assert (list(found.pools), found.networks) == (["p"], {"n": True})


def test_what_is_old_is_left_out_and_its_age_stays() -> None:
    found = read(Hypervisor(), [HostObjects()])
    fresh = object_figures(found, found.read_ns + STALE_NS)
    assert fresh["pool_capacity_bytes"] == {("p",): 10, ("q",): 10}
    assert fresh["network_active"] == {("n",): 1}
    assert fresh["objects_age_seconds"] == STALE_NS / 1e9
    now = found.read_ns + STALE_NS + SECOND
    old = object_figures(found, now)
    assert old == {"pool_timed_out": {}, "objects_age_seconds": STALE_NS / 1e9 + 1}
    hanging = HostObjects(found.pools, asked="p", asked_ns=now - HUNG_NS - 1)
    assert object_figures(hanging, now) == {"pool_timed_out": {("p",): 1}}
