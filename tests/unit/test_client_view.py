"""What events add up to in a view, one at a time; whole views are held against the table's."""

from msgspec.structs import replace

from hostmon.account import HostAccount, Resource, Sums
from hostmon.client import HostView
from hostmon.client.view import new_guest
from hostmon.events import AccountEvent, BalloonChangeEvent, HeartbeatEvent

ACCOUNT = HostAccount(
    vcpus=Resource(8), memory=Resource(1 << 30), disk=Resource(0),
    defined=0, active=0, held=0, changes=5,
)  # fmt: skip
GUEST = "0b1d31e4-2f39-4a0e-9d8c-0b4dd6cbdb16"


def sums(changes: int, vcpus: int) -> Sums:
    return Sums(changes, vcpus, 0, vcpus, 0, 0, 0, 0, 0, 1, 1, 0)


def viewed(account: HostAccount | None = ACCOUNT) -> HostView:
    view = HostView()
    view.reset("h", 1, "up", 1, [new_guest(GUEST)], account)
    return view


def test_of_two_sums_the_newer_count_whoever_carries_them() -> None:
    view = viewed()
    view.apply(HeartbeatEvent(classes=(), sums=sums(9, 3)))
    told = replace(ACCOUNT, changes=7, traits=("CUSTOM_A",))
    view.apply(AccountEvent(account=told))
    assert view.account == told.counted(sums(9, 3))
    view.apply(AccountEvent(account=told, sums=sums(11, 2)))
    assert view.account == told.counted(sums(11, 2))


def test_an_account_begins_with_the_event_that_tells_all_of_it() -> None:
    view = viewed(None)
    view.apply(HeartbeatEvent(classes=(), sums=sums(9, 3)))
    assert view.account is None
    view.apply(AccountEvent(account=ACCOUNT))
    assert view.account == ACCOUNT


def test_a_balloon_tells_no_size_of_a_guest_whose_sizes_are_unknown() -> None:
    view = viewed()
    view.apply(BalloonChangeEvent(uuid=GUEST, actual=1 << 30))
    assert view.guests[GUEST].memory == 0
    view.guests[GUEST] = replace(view.guests[GUEST], memory=1 << 31)
    view.apply(BalloonChangeEvent(uuid=GUEST, actual=1 << 30))
    assert view.guests[GUEST].memory == 1 << 30
