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
    """A connection with a network and two pools; what is named in ``bad`` fails with ``error``."""

    def __init__(self, error: Exception | None = None, *bad: str) -> None:
        self.error = error
        self.bad = bad

    def _reach(self, what: str) -> None:
        if self.error is not None and what in self.bad:
            raise self.error

    def version(self) -> str:
        self._reach("version")
        return "9.0.0"

    def networks(self) -> tuple[NetworkDescription, ...]:
        self._reach("networks")
        return (NetworkDescription(name="n", active=True),)

    def pools(self) -> tuple[str, ...]:
        self._reach("pools")
        return "p", "q"

    def pool(self, name: str) -> PoolDescription:
        self._reach(name)
        return POOL


def read(hypervisor: Hypervisor, told: list[HostObjects]) -> HostObjects:
    return read_objects(cast("Connection", hypervisor), told[-1], told.append)


def test_an_error_of_libvirts_is_no_pool_that_hangs() -> None:
    told = [HostObjects()]
    first = read(Hypervisor(), told)
    with pytest.raises(NotConnectedError):
        read(Hypervisor(NotConnectedError("away"), "q", "version"), told)
    last = told[-1]
    assert (last, last.asked) == (first, "")
    now = first.read_ns + HUNG_NS + SECOND
    assert last.timed_out(now) == {"p": False, "q": False}


def test_what_was_read_before_a_pool_that_hangs_is_told() -> None:
    """Disks that are volumes of those are found by it, however long the other hangs."""
    told = [HostObjects(pools={"old": POOL})]
    read(Hypervisor(), told)
    assert [(one.asked, list(one.pools)) for one in told[1:]] == [
        ("p", ["old"]),
        ("q", ["old", "p"]),
        ("", ["p", "q"]),
    ]


def test_a_pool_that_vanished_since_the_list_is_left_out() -> None:
    found = read(Hypervisor(ObjectNotFoundError("q"), "q"), [HostObjects()])
    assert (list(found.pools), found.networks) == (["p"], {"n": True})
    assert found.unread == {}


@pytest.mark.parametrize(
    ("bad", "what", "pools", "networks"),
    [
        ("q", "storage pool q", ["p"], {"n": True}),
        ("pools", "storage pools", [], {"n": True}),
        ("networks", "networks", ["p", "q"], {}),
    ],
)
def test_one_that_cannot_be_read_takes_nothing_from_the_others(
    bad: str, what: str, pools: list[str], networks: dict[str, bool]
) -> None:
    """As of a host whose virtnetworkd or virtstoraged does not run: the connection is well."""
    found = read(Hypervisor(NotConnectedError("no socket"), bad), [HostObjects()])
    assert (list(found.pools), found.networks) == (pools, networks)
    assert found.unread == {what: "no socket"}
    assert object_figures(found, found.read_ns)["objects_unread"] == 1


def test_of_nothing_read_what_was_found_stays_and_grows_old() -> None:
    first = read(Hypervisor(), [HostObjects()])
    found = read(Hypervisor(NotConnectedError("no socket"), "networks", "pools"), [first])
    assert (found.pools, found.networks, found.read_ns) == (
        first.pools, first.networks, first.read_ns,
    )  # fmt: skip
    assert list(found.unread) == ["networks", "storage pools"]
    assert read(Hypervisor(), [found]).unread == {}


def test_what_is_old_is_left_out_and_its_age_stays() -> None:
    found = read(Hypervisor(), [HostObjects()])
    fresh = object_figures(found, found.read_ns + STALE_NS)
    assert fresh["pool_capacity_bytes"] == {("p",): 10, ("q",): 10}
    assert fresh["network_active"] == {("n",): 1}
    assert fresh["objects_age_seconds"] == STALE_NS / 1e9
    now = found.read_ns + STALE_NS + SECOND
    old = object_figures(found, now)
    assert old == {
        "pool_timed_out": {}, "objects_age_seconds": STALE_NS / 1e9 + 1, "objects_unread": 0,
    }  # fmt: skip
    hanging = HostObjects(found.pools, asked="p", asked_ns=now - HUNG_NS - 1)
    assert object_figures(hanging, now)["pool_timed_out"] == {("p",): 1}
