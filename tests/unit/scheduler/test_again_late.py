"""Claims that are put again and answered late: nobody holds room by them that nobody wants."""

import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import zmq

from hostmon.errors import RefusedError
from hostmon.scheduler import PlacementRequest
from hostmon.status import ClaimAnswer, ClaimsStatus, ClaimWanted
from tests.unit.bus import Bus, until
from tests.unit.scheduler.restarted import Restarted
from tests.unit.scheduler.views import GIB


class Late:
    """The host's next run answers its first claim when it is let; ``puts`` tells what was asked."""

    def __init__(self, host: Restarted, monkeypatch: pytest.MonkeyPatch) -> None:
        self.let = threading.Event()
        self.taken = str(uuid.uuid4())
        self.puts: list[str] = []
        self._host, self._monkeypatch = host, monkeypatch
        self._put = host.mine.claimer.put
        monkeypatch.setattr(host.mine.claimer, "put", self._count)

    def _count(self, row: int, number: int, ask: str, wanted: ClaimWanted) -> bool:
        self.puts.append(ask)
        return self._put(row, number, ask, wanted)

    def restart(self, *, full: bool = False) -> None:
        """``full``: what the first copy asks for another has, and gives back behind it."""

        def before(bus: Bus) -> None:
            granting = bus.answers.granting
            claim = granting.claim
            if full:
                claim(0, ClaimWanted(id=self.taken, memory=64 * GIB))

            def late(*arguments: Any) -> ClaimAnswer:
                if self.let.is_set():
                    return claim(*arguments)
                answer = claim(*arguments) if full else None
                self.let.wait(30)
                if full:
                    granting.release(0, ClaimWanted(id=self.taken))
                return answer or claim(*arguments)

            self._monkeypatch.setattr(granting, "claim", late)

        self._host.restart(before)

    def status(self) -> ClaimsStatus:
        return self._host.bus.answers.granting.status()


@pytest.fixture
def late(host: Restarted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Late]:
    made = Late(host, monkeypatch)
    yield made
    made.let.set()


def test_what_a_later_copy_is_granted_after_a_refusal_is_given_back(
    host: Restarted, late: Late
) -> None:
    host.hold(memory=40 * GIB)
    late.restart(full=True)
    host.follow(lambda: len(late.puts) == 2)
    late.let.set()
    host.follow(lambda: late.status().granted == 2)
    host.follow(lambda: late.status().released == 2)
    host.follow(host.joined_anew)
    assert (len(host.lost), len(host.mine.holdings)) == (1, 0)


def test_what_is_given_back_is_given_back_until_that_is_answered(
    host: Restarted, late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.hold(memory=40 * GIB)
    late.restart(full=True)
    host.follow(lambda: len(late.puts) == 2)
    granting = host.bus.answers.granting
    release = granting.release
    refused: list[int] = []

    def first_too_often(re: int, wanted: ClaimWanted) -> ClaimAnswer:
        if wanted.id != late.taken and not refused:
            refused.append(re)
            raise RefusedError("too many questions", "rate")
        return release(re, wanted)

    monkeypatch.setattr(granting, "release", first_too_often)
    late.let.set()
    host.follow(lambda: refused)
    host.follow(lambda: late.status().released == 2)
    host.follow(host.joined_anew)


def test_what_is_over_is_put_no_more_and_given_back(host: Restarted, late: Late) -> None:
    host.hold(memory=GIB, ttl=0.2)
    late.restart()
    host.follow(lambda: len(late.puts) == 2)
    assert late.puts == ["claim", "release"]
    late.let.set()
    host.follow(lambda: late.status().released == 1)
    host.follow(host.joined_anew)
    assert not host.lost


@pytest.mark.parametrize("full", [True, False], ids=["refused", "granted"])
def test_what_is_over_when_its_answer_comes_is_not_lost(
    host: Restarted, late: Late, full: bool
) -> None:
    claim = host.hold(memory=GIB, ttl=0.2)
    held = host.mine.holdings._held[claim]
    late.restart(full=full)
    host.follow(lambda: late.puts)
    until(lambda: held.left <= 0, lambda: time.sleep(0.01))
    late.let.set()
    until(lambda: late.status().granted == 1, lambda: time.sleep(0.005))
    host.follow(host.joined_anew)
    host.follow(lambda: late.status().released == 1)
    assert (host.lost, claim in host.mine.holdings) == ([], False)


@pytest.fixture
def let(host: Restarted, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The host's agent takes questions while this is set; its heartbeats come."""
    let = threading.Event()
    let.set()
    answer_one = host.bus.server._answer_one

    def late(socket: zmq.Socket[bytes]) -> None:
        let.wait(30)
        answer_one(socket)

    monkeypatch.setattr(host.bus.server, "_answer_one", late)
    monkeypatch.setattr(host.mine.claimer, "_timeout", 0.2)
    yield let
    let.set()


def test_a_host_that_does_not_answer_is_left_out_until_it_does(
    host: Restarted, let: threading.Event
) -> None:
    let.clear()
    waited_for = host.mine.place(PlacementRequest(vcpus=1))
    assert [one.resource for one in waited_for.refused] == ["no answer"]
    left_out = host.mine.place(PlacementRequest(vcpus=1))
    assert (left_out.refused, left_out.reason) == ((), "none of 1 hosts: behind 1")
    let.set()
    host.follow(lambda: not host.mine._again)
    status = host.bus.answers.granting.status
    assert (status().outstanding, status().released) == (0, status().granted)
    assert host.mine.place(PlacementRequest(vcpus=1)).host


def test_a_claim_that_nobody_answers_is_given_back_by_one_question(
    host: Restarted, let: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts: list[str] = []
    put = host.mine.claimer.put

    def counted(row: int, number: int, ask: str, wanted: ClaimWanted) -> bool:
        puts.append(ask)
        return put(row, number, ask, wanted)

    monkeypatch.setattr(host.mine.claimer, "put", counted)
    now = time.monotonic()
    monkeypatch.setattr(host.mine._again, "_clock", lambda: now)  # nothing is put again
    let.clear()
    assert not host.mine.place(PlacementRequest(vcpus=1)).host
    assert puts == ["release"]
    let.set()
    host.follow(lambda: not host.mine._again)
    assert host.bus.answers.granting.status().outstanding == 0
    assert puts == ["release"]


class Twice:
    """A claimer's socket that tells when a question has been put twice."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.twice = threading.Event()
        self._socket = socket
        self._puts = 0

    def send(self, message: bytes, flags: int) -> None:
        self._socket.send(message, flags)
        self._puts += 1
        if self._puts == 2:
            self.twice.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def test_what_a_second_copy_is_granted_after_a_refusal_is_given_back_until_that_is_answered(
    host: Restarted, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket: Any = Twice(host.mine.claimer._socket(0))
    host.mine.claimer._sockets[0] = socket
    granting = host.bus.answers.granting
    claim, release = granting.claim, granting.release
    refused: list[int] = []

    def refuse_late(*arguments: Any) -> ClaimAnswer:
        if refused:
            return claim(*arguments)
        other = ClaimWanted(id=str(uuid.uuid4()), vcpus=8)
        claim(0, other)
        answer = claim(*arguments)
        assert socket.twice.wait(30)
        release(0, other)
        refused.append(arguments[0])
        return answer

    def too_often(re: int, wanted: ClaimWanted) -> ClaimAnswer:
        if len(refused) == 1:
            refused.append(re)
            raise RefusedError("too many questions", "rate")
        return release(re, wanted)

    monkeypatch.setattr(granting, "claim", refuse_late)
    monkeypatch.setattr(granting, "release", too_often)
    placement = host.mine.place(PlacementRequest(vcpus=8))
    assert [one.resource for one in placement.refused] == ["vcpus"]
    host.follow(lambda: not host.mine._again)
    assert (granting.status().granted, granting.status().released) == (2, 2)
    assert host.mine.place(PlacementRequest(vcpus=8)).host


def test_what_is_given_back_to_a_host_that_does_not_answer_is_not_waited_for_twice(
    host: Restarted, let: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    placements = [host.mine.place(PlacementRequest(vcpus=1)) for _ in range(3)]
    waited: list[str] = []
    release = host.mine.claimer.release

    def noted(row: int, claim: str) -> ClaimAnswer | str:
        waited.append(claim)
        return release(row, claim)

    puts: list[int] = []
    put = host.mine.claimer.put

    def counted(row: int, number: int, ask: str, wanted: ClaimWanted) -> bool:
        puts.append(number)
        return put(row, number, ask, wanted)

    now = time.monotonic()
    monkeypatch.setattr(host.mine.claimer, "release", noted)
    monkeypatch.setattr(host.mine.claimer, "put", counted)
    monkeypatch.setattr(host.mine._again, "_clock", lambda: now)
    let.clear()
    for placement in placements:
        host.mine.release(placement)
    assert waited == [placements[0].claim]
    assert len(puts) == len(set(puts)) == 3, "no release puts another one again"
    monkeypatch.setattr(host.mine._again, "_clock", time.monotonic)
    let.set()
    host.follow(lambda: host.bus.answers.granting.status().released == 3)
    host.follow(lambda: not host.mine._again)
