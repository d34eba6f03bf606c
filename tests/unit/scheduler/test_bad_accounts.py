"""An account that makes no sense costs its own host its guests, and no other anything."""

import math

import pytest
from msgspec.structs import replace

from hostmon.account import HostAccount, PagePool, Resource
from hostmon.scheduler import HostTable, PlacementRequest
from hostmon.scheduler.chooser import Chooser
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.scheduler.table import MOST_PAGES, MOST_TRAITS
from tests.unit.scheduler.views import account, table

WRONG = {
    "a total beyond all": replace(account(), vcpus=Resource((1 << 64) - 1, allocation_ratio=16.0)),
    "no number": replace(account(), vcpus=Resource(8, allocation_ratio=math.nan)),
    "infinite": replace(account(), memory=Resource(8, allocation_ratio=math.inf)),
    "pages": account(pages=tuple(PagePool(size=n, total=1) for n in range(1, 71))),
    "traits": account(traits=tuple(f"CUSTOM_{n}" for n in range(5000))),
}


def place(hosts: HostTable, request: PlacementRequest) -> int:
    return Chooser(hosts, filters_named(), weighers_named()).choose(request)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_it_is_passed_over_until_it_makes_sense(
    wrong: HostAccount, caplog: pytest.LogCaptureFixture
) -> None:
    honest = account(traits=("CUSTOM_MINE",), pages=(PagePool(2 << 20, 100),))
    hosts = table(wrong, honest)
    hosts.put(0)
    assert list(hosts.unusable) == [0]
    assert caplog.text.count("host-0: its account is of no use: ") == 1
    mine = PlacementRequest(traits=("CUSTOM_MINE",), page_size=2 << 20, memory=2 << 20)
    assert place(hosts, mine) == 1
    assert place(hosts, PlacementRequest()) == 1
    hosts.views[0].account = account(vcpus=1000, traits=("CUSTOM_OTHER",))
    hosts.put(0)
    assert not hosts.unusable
    assert place(hosts, PlacementRequest(vcpus=500, traits=("CUSTOM_OTHER",))) == 0


def test_one_host_cannot_use_up_what_all_share() -> None:
    """Names that change with every account add up."""
    hosts = table(account(), account())
    for number in range(1000):
        hosts.views[0].account = account(
            traits=(f"CUSTOM_{number}",), pages=(PagePool(number + 1, 1),)
        )
        hosts.put(0)
    assert list(hosts.unusable) == [0]
    honest = account(traits=("CUSTOM_LATE",), pages=(PagePool(1 << 30, 1),))
    hosts.views[1].account = honest
    hosts.put(1)
    assert list(hosts.unusable) == [0]
    assert hosts.columns.count <= 4 + MOST_PAGES + 1 + MOST_TRAITS // 63 + 1


def test_sizes_of_pages_count_only_once_they_are_columns() -> None:
    """Five sizes beside figures that are no numbers, time and again, and then good ones."""
    pages = tuple(PagePool(1 << 20 + n, 100) for n in range(5))
    hosts = table(account())
    for _ in range(3):
        for wrong in (
            replace(account(pages=pages), vcpus=Resource(8, allocation_ratio=math.nan)),
            account(pages=(*pages[:4], PagePool(pages[4].size, 1 << 60))),
        ):
            hosts.views[0].account = wrong
            hosts.put(0)
            assert list(hosts.unusable) == [0]
    hosts.views[0].account = account(pages=pages)
    hosts.put(0)
    assert not hosts.unusable
    wanted = PlacementRequest(memory=pages[4].size, page_size=pages[4].size)
    assert place(hosts, wanted) == 0


def test_a_page_size_whose_room_was_none_is_no_column_once_it_is_gone() -> None:
    """Else a host could name as many as it likes."""
    hosts = table(account())
    for number in range(20):
        hosts.views[0].account = account(pages=(PagePool(number + 1, 1 << 63),))
        hosts.put(0)
        assert list(hosts.unusable) == [0]
    assert hosts.columns.count <= 4 + MOST_PAGES


def test_a_page_size_that_a_host_has_no_more_has_no_room() -> None:
    huge = PagePool(2 << 20, 100)
    hosts = table(account(pages=(huge, PagePool(1 << 30, 4))))
    wanted = PlacementRequest(memory=2 << 20, page_size=2 << 20)
    assert place(hosts, wanted) == 0
    hosts.views[0].account = account(pages=(PagePool(1 << 30, 4),))
    hosts.put(0)
    assert place(hosts, wanted) == -1
    assert place(hosts, PlacementRequest(memory=1 << 30, page_size=1 << 30)) == 0
    hosts.views[0].account = account(pages=(huge,))
    hosts.put(0)
    assert place(hosts, wanted) == 0
