"""Each filter and weigher by itself, and the order that a chooser keeps."""

import random
from typing import Any

import pytest

from hostmon.account import PagePool
from hostmon.client.view import new_guest
from hostmon.scheduler import HostTable, PlacementRequest
from hostmon.scheduler.chooser import Chooser
from hostmon.scheduler.filters import (
    AntiAffinityFilter,
    DiskFilter,
    HugepagesFilter,
    MemoryFilter,
    TraitsFilter,
    VcpusFilter,
)
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.scheduler.weighers import MemoryWeigher, VcpusWeigher
from tests.unit.scheduler.views import GIB, account, left, table

HUGE = 2 << 20
GUEST = "6695eb01-f6a4-8304-79aa-97f2502e193f"


def narrowed(hosts: HostTable, filter_: Any, **wanted: Any) -> set[int]:
    hosts.columns.begin()
    filter_.narrow(hosts, PlacementRequest(**wanted))
    return left(hosts.columns)


def test_resources() -> None:
    hosts = table(account(4), account(8, 6), account(2, memory=4, disk=0))
    assert narrowed(hosts, VcpusFilter(), vcpus=3) == {0}
    assert narrowed(hosts, VcpusFilter(), vcpus=2) == {0, 1, 2}
    assert narrowed(hosts, MemoryFilter(), memory=5 * GIB) == {0, 1}
    assert narrowed(hosts, DiskFilter(), disk=1) == {0, 1}
    assert narrowed(table(account(4, disk=None), account(4)), DiskFilter(), disk=1) == {1}
    assert narrowed(hosts, DiskFilter()) == {0, 1, 2}


def test_a_host_that_is_overcommitted_takes_nothing() -> None:
    assert narrowed(table(account(4, memory=1, memory_used=2)), MemoryFilter()) == set()


def test_huge_pages_by_their_size() -> None:
    pool = PagePool(HUGE, 1024, None, GIB, GIB // 2)
    hosts = table(account(pages=(pool,)), account())
    assert narrowed(hosts, HugepagesFilter(), memory=GIB // 2, page_size=HUGE) == {0}
    assert narrowed(hosts, HugepagesFilter(), memory=GIB, page_size=HUGE) == set()
    assert narrowed(hosts, HugepagesFilter(), memory=GIB, page_size=1 << 30) == set()
    assert narrowed(hosts, HugepagesFilter(), memory=GIB) == {0, 1}


def test_traits_beyond_one_word_of_bits() -> None:
    many = tuple(f"CUSTOM_{n}" for n in range(150))
    hosts = table(account(traits=many[:100]), account(traits=many[60:]), account())
    for wanted, expected in (
        ((), {0, 1, 2}),
        (("CUSTOM_3",), {0}),
        (("CUSTOM_99", "CUSTOM_60"), {0, 1}),
        (("CUSTOM_149",), {1}),
        (("CUSTOM_3", "CUSTOM_149"), set()),
        (("NOBODY_HAS",), set()),
    ):
        assert narrowed(hosts, TraitsFilter(), traits=wanted) == expected, wanted
    view = hosts.views[0]
    view.account = account(traits=("CUSTOM_149",))
    hosts.put(0)
    assert narrowed(hosts, TraitsFilter(), traits=("CUSTOM_3",)) == set()
    assert narrowed(hosts, TraitsFilter(), traits=("CUSTOM_149",)) == {0, 1}


def test_anti_affinity_by_guest_and_by_group() -> None:
    now = [0.0]
    views = table(account(), account(), account()).views
    hosts = HostTable(views, lambda: now[0])
    for row in range(3):
        hosts.put(row)
    apart = AntiAffinityFilter()
    views[1].guests[GUEST] = new_guest(GUEST)
    assert narrowed(hosts, apart, anti_affinity=(GUEST,)) == {0, 2}
    hosts.placed.add("claim-1", "mine", ("web",), 0, 60)
    assert narrowed(hosts, apart, anti_affinity=("web", GUEST)) == {2}
    views[0].guests["mine"] = new_guest("mine")
    now[0] = 1000  # it has started, and counts as long as it is there
    assert narrowed(hosts, apart, anti_affinity=("web",)) == {1, 2}
    del views[0].guests["mine"]
    assert narrowed(hosts, apart, anti_affinity=("web",)) == {0, 1, 2}
    hosts.placed.add("claim-2", "never", ("web",), 2, 60)
    assert narrowed(hosts, apart, anti_affinity=("web",)) == {0, 1}
    now[0] += 61  # it never started
    assert narrowed(hosts, apart, anti_affinity=("web",)) == {0, 1, 2}


@pytest.mark.parametrize(("multiplier", "best"), [(1.0, 1), (-1.0, 2)])
def test_weighers_spread_or_stack(multiplier: float, best: int) -> None:
    hosts = table(account(8, 4), account(8, 0), account(8, 7))
    chooser = Chooser(hosts, {"vcpus": VcpusFilter()}, {"vcpus": (VcpusWeigher(), multiplier)})
    assert chooser.choose(PlacementRequest(vcpus=1)) == best


def test_multipliers_weigh_one_against_the_other() -> None:
    hosts = table(account(8, 4, memory=64), account(8, 0, memory=8))
    for vcpus, best in ((0.5, 0), (2.0, 1)):
        weighers = {"memory": (MemoryWeigher(), 1.0), "vcpus": (VcpusWeigher(), vcpus)}
        assert Chooser(hosts, {}, weighers).choose(PlacementRequest()) == best


def test_of_equal_hosts_each_is_drawn_at_times() -> None:
    chooser = Chooser(table(*[account()] * 4), {}, {}, random.Random(1))
    assert {chooser.choose(PlacementRequest()) for _ in range(200)} == {0, 1, 2, 3}


def test_why_there_is_no_host_is_said_in_one_line() -> None:
    hosts = table(account(2), account(8, memory=1), None, account(64), account(64))
    chooser = Chooser(hosts, filters_named(), weighers_named())
    request = PlacementRequest(vcpus=4, memory=2 * GIB, traits=("FAST",))
    assert chooser.choose(request, {3}) == -1
    assert chooser.explain(request, {3}) == (
        "none of 5 hosts: not ready 1, refused 1, vcpus 1, memory 1, traits 1"
    )
    assert chooser.explain(request, {3}, {3, 4}) == (
        "none of 5 hosts: not ready 1, refused 1, behind 1, vcpus 1, memory 1"
    )


def test_a_host_that_is_silent_or_disconnected_is_not_ready() -> None:
    hosts = table(account(), account())
    hosts.views[0].lose()
    hosts.views[1].connection = "down"
    for row, view in enumerate(hosts.views):
        hosts.put(row)
        assert hosts.columns.begin() == 1 - row
        view.fresh, view.connection = True, "up"
