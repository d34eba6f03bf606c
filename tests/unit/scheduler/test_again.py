"""An agent begins anew: its schedulers claim again what they held, and tell what they lost."""

import threading
import time
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from hostmon.client import HostView
from hostmon.scheduler import LostPlacement, Placement, PlacementRequest, Scheduler, claimer
from hostmon.scheduler.holdings import Holdings
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.status import ClaimAnswer, ClaimWanted
from tests.unit.bus import STARTED, Bus, until
from tests.unit.scheduler.restarted import HOST, Restarted, foreign
from tests.unit.scheduler.views import GIB
from tests.unit.test_dispatcher import RUNNING, facts


def run_guest(bus: Bus, guest: uuid.UUID) -> None:
    bus.rig.put_lifecycle(guest, STARTED, 0, id_=1)
    facts(bus.rig, guest, RUNNING, resync=False, persistent=False, id=1)
    bus.wait()


def test_what_was_held_is_held_again_by_the_same_id(host: Restarted) -> None:
    placements = [host.mine.place(PlacementRequest(vcpus=3)) for _ in range(2)]
    host.restart()
    host.follow(lambda: host.claimed() == 6)
    assert foreign(host.bus, 3) == "refused"
    assert host.bus.answers.granting.status().granted == 2
    host.mine.release(placements[0])
    assert host.claimed() == 3
    assert not host.lost
    host.follow(host.joined_anew)
    assert len(host.mine.holdings) == 1


def test_what_another_took_meanwhile_is_told(host: Restarted) -> None:
    placement = host.mine.place(PlacementRequest(vcpus=8, name="late"))
    host.restart(lambda bus: foreign(bus, 2))
    host.follow(lambda: host.lost)
    (lost,) = host.lost
    assert lost.placement == placement
    assert (lost.refused.resource, lost.refused.asked, lost.refused.free) == ("vcpus", 8, 6)
    assert len(host.mine.holdings) == 0


def test_what_is_lost_leaves_its_group(host: Restarted) -> None:
    request = PlacementRequest(vcpus=8, anti_affinity=("web",))
    assert host.mine.place(request).host
    host.restart(lambda bus: foreign(bus, 2))
    host.follow(lambda: host.lost)
    assert host.mine.place(PlacementRequest(anti_affinity=("web",))).host


def test_a_guest_that_runs_needs_no_claim_and_is_not_lost(host: Restarted) -> None:
    guest = uuid.uuid4()
    assert host.mine.place(PlacementRequest(vcpus=8, uuid=str(guest))).host
    host.restart(lambda bus: run_guest(bus, guest))
    host.follow(host.joined_anew)
    assert not host.lost
    assert (host.claimed(), len(host.mine.holdings)) == (0, 0)


def test_an_agent_that_is_not_ready_is_asked_until_it_is(host: Restarted) -> None:
    host.mine.place(PlacementRequest(vcpus=5))
    host.restart(lambda bus: setattr(bus, "current", False))
    host.follow(lambda: host.bus.server.refused >= 2)
    assert host.claimed() == 0
    host.bus.current = True
    host.follow(lambda: host.claimed() == 5)
    assert not host.lost


def test_a_claim_that_is_put_off_holds_up_no_other(host: Restarted) -> None:
    """What disks there are is not read: nobody can tell yet whether there is room for the first."""
    unread = host.hold(disk=GIB)
    host.mine.place(PlacementRequest(vcpus=5))
    host.restart()
    host.follow(lambda: host.claimed() == 5)
    assert unread in host.mine.holdings
    host.follow(lambda: host.bus.server.refused >= 3)  # and it is asked for again and again
    assert not host.lost


@pytest.mark.parametrize("waiting", [claimer.WAITING, 4])
def test_nothing_new_comes_before_what_is_claimed_again(
    host: Restarted, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    """What no longer may wait for its agent at once has its host left out until it does."""
    monkeypatch.setattr(claimer, "WAITING", waiting)
    for _ in range(240):
        host.hold(memory=GIB // 4)
    host.restart()
    host.follow(lambda: host.mine.hosts.views[0].epoch == 2)
    placement = host.mine.place(PlacementRequest(memory=20 * GIB))
    assert placement.host == ""
    host.follow(host.joined_anew)
    assert not host.lost
    assert host.bus.rig.ledger.sums()["claims"] == len(host.mine.holdings) == 240
    assert host.mine.place(PlacementRequest(memory=4 * GIB)).host


def test_all_that_is_held_is_put_at_one_look(host: Restarted) -> None:
    """A scheduler that looks four times a second has 5 s for it (decision 0185)."""
    for _ in range(250):
        host.hold(memory=1)
    host.restart()
    host.follow(lambda: host.mine.hosts.views[0].epoch == 2)
    until(lambda: host.bus.rig.ledger.sums()["claims"] == 250, lambda: time.sleep(0.01))


def test_an_agent_that_hangs_holds_up_no_placement(
    host: Restarted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its heartbeats come, its answers do not: none is waited for."""
    host.mine.place(PlacementRequest(vcpus=5))
    free = threading.Event()

    def hang(bus: Bus) -> None:
        granting = bus.answers.granting
        claim = granting.claim

        def late(*arguments: Any) -> ClaimAnswer:
            free.wait(30)
            return claim(*arguments)

        monkeypatch.setattr(granting, "claim", late)

    host.restart(hang)
    host.follow(lambda: host.mine.hosts.views[0].epoch == 2)
    began = time.monotonic()
    for _ in range(50):
        host.mine.update(0.01)
    assert time.monotonic() - began < 1.9  # one answer that is waited for takes two seconds
    assert host.claimed() == 0
    host.follow(host.mine._again.behind)
    assert host.mine.place(PlacementRequest()).reason == "none of 1 hosts: behind 1"
    free.set()
    host.follow(lambda: host.claimed() == 5)
    host.follow(host.joined_anew)
    assert not host.lost


def test_a_claim_that_gets_lost_is_put_again(host: Restarted) -> None:
    host.mine.place(PlacementRequest(vcpus=5))
    dropped: list[bytes] = []

    def again() -> bool:
        return host.mine.hosts.views[0].epoch == 2

    def drop(bus: Bus) -> None:
        answer_one = bus.server._answer_one

        def answer(socket: zmq.Socket[bytes]) -> None:
            if bus.rig.ledger.sums()["claims"] == len(dropped) == 0 and again():
                dropped.append(socket.recv_multipart()[-1])
            else:
                answer_one(socket)

        bus.server._answer_one = answer  # type: ignore[method-assign]

    host.restart(drop)
    host.follow(lambda: host.claimed() == 5)
    assert msgspec.msgpack.decode(dropped[0])["claim"]["again"] is True
    host.follow(host.joined_anew)
    assert not host.lost


def test_what_is_given_back_meanwhile_is_claimed_no_more(host: Restarted) -> None:
    placement = host.mine.place(PlacementRequest(vcpus=5))
    host.restart(lambda bus: setattr(bus, "current", False))
    host.follow(lambda: host.bus.server.refused >= 2)
    host.mine.release(placement)
    host.bus.current = True
    host.follow(host.joined_anew)
    assert (host.claimed(), host.lost) == (0, [])


def test_answers_that_come_while_another_is_waited_for_are_kept(host: Restarted) -> None:
    host.hold(memory=GIB)
    host.restart()
    host.follow(lambda: host.mine.hosts.views[0].epoch == 2)
    while host.mine._again:  # each placement waits for its own answer
        host.mine.release(host.mine.place(PlacementRequest(vcpus=1)))
    assert host.bus.rig.ledger.sums()["memory_claimed"] == GIB
    assert host.bus.answers.granting.status().granted >= 1


def test_who_is_told_of_a_loss_may_place_anew(host: Restarted, tmp_path: Path) -> None:
    """While it does so, another host begins anew."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = Bus(folder, topology=HOST, epoch=1)
    anew: list[str] = []

    def again(lost: LostPlacement) -> None:
        nonlocal other
        other.close()
        other = Bus(folder, topology=HOST, epoch=2, host="other")
        until(lambda: mine.hosts.views[1].epoch == 2, lambda: mine.update(0.01))
        anew.append(mine.place(msgspec.structs.replace(lost.placement.request, uuid="")).host)

    with Scheduler(
        [host.bus.endpoint, other.endpoint], filters_named(), weighers_named(), on_lost=again
    ) as mine:
        assert mine.join(20) == ()
        placements = [mine.place(PlacementRequest(vcpus=8)) for _ in range(2)]
        assert sum(bool(placement.host) for placement in placements) == 2
        host.restart(lambda bus: foreign(bus, 1))
        until(lambda: anew, lambda: mine.update(0.01))
        until(lambda: not mine._again, lambda: mine.update(0.01))
        assert anew == [""]  # the other host has what it had granted: it holds eight
        assert other.rig.ledger.sums()["vcpus_claimed"] == 8
    other.close()


def test_a_loss_that_could_not_be_told_hides_no_other(host: Restarted) -> None:
    host.mine.place(PlacementRequest(vcpus=4))
    host.mine.place(PlacementRequest(vcpus=4))
    told: list[str] = []

    def stumble(lost: LostPlacement) -> None:
        told.append(lost.placement.claim)
        raise RuntimeError("the callback's own fault")

    host.mine._on_lost = stumble
    host.restart(lambda bus: foreign(bus, 8))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the callback's own"):
            host.follow(lambda: False)
    assert len(set(told)) == 2
    host.follow(host.joined_anew)
    assert len(host.mine.holdings) == 0


def test_holdings_end_with_their_time() -> None:
    now = [0.0]
    holdings = Holdings(lambda: now[0])
    view = HostView()
    view.epoch = 2
    for number in range(3):
        wanted = ClaimWanted(id=str(number), ttl=60)
        placement = Placement(request=PlacementRequest(), claim=wanted.id)
        holdings.add(placement, wanted, number % 2, 1)
        now[0] += 10
    first, last = holdings.of_other_runs(0, view)
    assert (first.anew().ttl, last.anew().ttl, first.anew().again) == (30, 50, True)
    first.epoch = 2
    assert holdings.of_other_runs(0, view) == [last]
    now[0] = 75
    assert len(holdings.of_other_runs(0, view)) == 1
    assert len(holdings) == 1
    now[0] = 100
    assert holdings.of_other_runs(0, view) == []
    assert len(holdings) == 0
