"""Whether an event follows what was had, by its guest and by its kind."""

import uuid

from hostmon.client import Filter
from hostmon.client.order import Order, Verdict
from hostmon.events import RebootEvent, WatchdogEvent

GUEST = "6695eb01-f6a4-8304-79aa-97f2502e193f"
OTHER = "0b1d31e4-2f39-4a0e-9d8c-0b4dd6cbdb16"


def reboot(sequence: int, previous: int, kind_previous: int, guest: str = GUEST) -> RebootEvent:
    return RebootEvent(
        epoch=1, sequence=sequence, host="h", uuid=guest,
        previous=previous, kind_previous=kind_previous,
    )  # fmt: skip


def watchdog(sequence: int, previous: int, kind_previous: int) -> WatchdogEvent:
    return WatchdogEvent(
        epoch=1, sequence=sequence, host="h", uuid=GUEST, action="none",
        previous=previous, kind_previous=kind_previous,
    )  # fmt: skip


def test_guests_that_come_and_go_leave_nothing_behind() -> None:
    """Nobody says up to where all is here to who has no address of requests."""
    order = Order(Filter(kinds=("reboot", "watchdog")), {})
    for number in range(1, 20_001):
        guest = str(uuid.UUID(int=number))
        assert order.judge(reboot(number, 0, number - 1, guest)) is Verdict.NEW
    assert len(order._guests) + len(order._kinds) + len(order._pairs) <= 4
    assert order.judge(reboot(7, 0, 6)) is Verdict.OLD
    assert order.judge(watchdog(20_001, 0, 0)) is Verdict.NEW
    assert order.judge(reboot(20_003, 0, 20_002)) is Verdict.GAP
    assert order.judge(reboot(20_002, 0, 20_000), replayed=True) is Verdict.NEW
    assert order.judge(reboot(20_003, 0, 20_002)) is Verdict.NEW


def test_guests_that_nobody_asked_for_leave_nothing_behind() -> None:
    order = Order(Filter(guests=(GUEST,)), {})
    for number in range(1, 1_001):
        order.judge(reboot(number, 0, 0, str(uuid.UUID(int=number))))
    assert len(order._guests) + len(order._kinds) + len(order._pairs) <= 2


def both() -> Order:
    return Order(Filter(kinds=("reboot", "watchdog"), guests=(GUEST, OTHER)), {})


def test_what_follows_by_its_kind_leads_nothing_on_by_its_guest() -> None:
    order = both()  # a watchdog, of number 1, is missing
    assert order.judge(reboot(2, 1, 0)) is Verdict.NEW
    assert order.judge(watchdog(3, 2, 1)) is Verdict.GAP
    assert order.judge(watchdog(1, 0, 0), replayed=True) is Verdict.NEW
    assert order.judge(reboot(2, 1, 0), replayed=True) is Verdict.OLD
    order.caught_up({"lifecycle": 2})
    assert order.judge(watchdog(3, 2, 1)) is Verdict.NEW


def test_what_follows_by_its_guest_leads_nothing_on_by_its_kind() -> None:
    order = both()  # a reboot of the other one, of number 1, is missing
    assert order.judge(reboot(2, 0, 1)) is Verdict.NEW
    assert order.judge(reboot(3, 1, 2, OTHER)) is Verdict.GAP
    assert order.judge(reboot(4, 2, 3)) is Verdict.NEW
