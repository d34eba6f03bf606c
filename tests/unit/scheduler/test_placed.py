"""Which guests were placed where: how long each is remembered, and where it is followed to."""

import pytest
from msgspec.structs import replace

from hostmon.client.view import new_guest
from hostmon.scheduler.placed import PlacedGuests
from tests.unit.scheduler.views import table

GUEST = "6695eb01-f6a4-8304-79aa-97f2502e193f"


class World:
    """Three hosts and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.views = table(None, None, None).views
        self.placed = PlacedGuests(self.views, lambda: self.now)

    def start(self, row: int, guest: str = GUEST) -> None:
        self.views[row].guests[guest] = new_guest(guest)


@pytest.fixture
def world() -> World:
    return World()


def test_a_guest_of_no_group_is_remembered_until_its_time_is_over(world: World) -> None:
    world.placed.add("claim", GUEST, (), 1, 60)
    assert world.placed.rows(GUEST) == {1}
    world.start(1)
    world.now = 61
    assert world.placed.rows(GUEST) == set()
    assert len(world.placed) == 0


def test_one_that_is_placed_twice_is_where_its_claims_are(world: World) -> None:
    world.placed.add("first", GUEST, ("web",), 0, 60)
    world.placed.add("second", GUEST, ("web",), 2, 60)
    assert world.placed.rows("web") == world.placed.rows(GUEST) == {0, 2}
    world.placed.drop("first")
    assert world.placed.rows("web") == world.placed.rows(GUEST) == {2}


def test_a_member_that_runs_stays_though_it_is_given_back(world: World) -> None:
    world.placed.add("claim", GUEST, ("web",), 1, 60)
    world.start(1)
    world.views[1].guests[GUEST] = replace(new_guest(GUEST), id=4)
    world.placed.release("claim")
    assert world.placed.rows("web") == {1}


def test_a_member_is_followed_where_it_migrates(world: World) -> None:
    world.placed.add("claim", GUEST, ("web",), 1, 60)
    world.start(1)
    assert world.placed.rows("web") == {1}
    del world.views[1].guests[GUEST]
    world.start(2)
    assert world.placed.rows("web") == {2}


def test_another_run_of_an_agent_may_not_have_listed_its_guests_yet(world: World) -> None:
    world.placed.add("claim", GUEST, ("web",), 1, 60)
    world.start(1)
    assert world.placed.rows("web") == {1}
    world.now = 1000
    world.views[1].epoch, world.views[1].guests = 2, {}
    assert world.placed.rows("web") == {1}
    world.now += 30
    world.start(1)
    world.now += 1000
    assert world.placed.rows("web") == {1}
    world.views[1].guests = {}
    assert world.placed.rows("web") == set()


def test_of_a_host_that_is_silent_nobody_is_forgotten(world: World) -> None:
    world.placed.add("claim", GUEST, ("web",), 1, 60)
    world.views[1].fresh = False
    world.now = 61
    assert world.placed.rows("web") == {1}
    world.views[1].fresh = True
    assert world.placed.rows("web") == set()


def test_groups_that_nobody_asks_for_again_are_forgotten(world: World) -> None:
    for number in range(1000):
        world.placed.add(f"claim-{number}", f"guest-{number}", (f"group-{number}",), 0, 60)
        world.now += 10  # seven are waited for at a time
    assert len(world.placed) <= 20
    assert len(world.placed._named) == 2 * len(world.placed)
