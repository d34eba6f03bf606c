"""An agent's bus without libvirt: dispatcher and request socket over real sockets, for tests."""

import random
import time
import uuid
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, Self, cast

import msgspec
import pytest

from hostmon import kinds
from hostmon._pipe import record
from hostmon.answers import AgentState, Answers
from hostmon.client import Endpoint, HostView
from hostmon.gate import Gate
from hostmon.publisher import Access
from hostmon.requests import RequestServer
from hostmon.roster import every_guest
from hostmon.status import ReplayAnswer, Request, SnapshotAnswer
from tests.unit.rig import EPOCH, Rig

DEFINED, UNDEFINED, STARTED, SUSPENDED, RESUMED, STOPPED, SHUTDOWN = range(7)
NOTHING = msgspec.Raw(msgspec.msgpack.encode([]))
REPLAY = ReplayAnswer(epoch=EPOCH, host="h", through=(), more=False, events=NOTHING)


class Bus:
    """Both sockets of one agent; ``epoch`` names its run. Close it, or use it as a context.

    Its heartbeats, which a subscriber knows it by, come ten times as often as a real agent's.
    """

    def __init__(self, folder: Any, *, grace: float = 0.0, **options: Any) -> None:
        self.current = True
        self.rig = Rig(f"ipc://{folder}/events", **{"heartbeat_ns": 100_000_000} | options)
        view = SimpleNamespace(
            connection=lambda: "up",
            connection_reason=lambda: "test",
            ailing=lambda: (),
            is_current=lambda: self.current,
            account=lambda taken=None: self.rig.ledger.account(taken=taken),
        )
        self.answers = Answers(cast("AgentState", view), self.rig.table, self.rig.dispatcher, grace)
        self.gate = Gate()
        self.server = RequestServer([f"ipc://{folder}/requests"], self.answers, self.gate, Access())
        self.gate.guard(self.server)
        self.gate.start()
        self.server.start()
        self.endpoint = Endpoint(self.rig.address, f"ipc://{folder}/requests")

    def close(self) -> None:
        self.server.stop()
        self.gate.stop()
        self.rig.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fill(self, guests: int) -> None:
        """So many guests, known before anybody asks."""
        for n in range(guests):
            self.rig.table.upsert(uuid.UUID(int=n).bytes, f"guest-{n}".encode())

    def begin_anew_after_a_page(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Give the first page of a snapshot as the run before would have.

        The snapshots asked for follow in what this returns, 0 for a new one: each run numbers its
        own from 1.
        """
        right, asked = self.answers._snapshot, []

        def of_another_run(request: Request) -> Any:
            answer = right(request)
            assert isinstance(answer, SnapshotAnswer)
            asked.append(request.id)
            foreign = len(asked) == 1
            return msgspec.structs.replace(answer, epoch=answer.epoch - 1) if foreign else answer

        monkeypatch.setattr(self.answers, "_snapshot", of_another_run)
        return asked

    def churn(self, guests: list[uuid.UUID], events: int, seed: int) -> None:
        """So many events of the guests' lives, in an order that libvirt could tell."""
        chosen = random.Random(seed)
        running = dict.fromkeys(guests, False)
        for _ in range(events):
            guest = chosen.choice(guests)
            if running[guest]:
                event = chosen.choice((SUSPENDED, RESUMED, STOPPED))
            else:
                event = chosen.choice((DEFINED, STARTED, UNDEFINED))
            running[guest] = event not in (STOPPED, DEFINED, UNDEFINED)
            self.rig.put_lifecycle(guest, event, 0, id_=7 if running[guest] else -1)

    def wait(self) -> None:
        """Until everything that was put has been published: an event behind it has."""
        dispatcher = self.rig.dispatcher
        before = dispatcher.count_of["pool-refresh"]
        self.rig.pipe.put(record(kinds.NUMBERS["pool-refresh"]))
        until(lambda: dispatcher.count_of["pool-refresh"] > before, lambda: time.sleep(0.002))

    def agrees(self, view: HostView) -> bool:
        """Whether a subscriber's view is the table."""
        return comparable(view.guests.values()) == comparable(
            every_guest(self.rig.table.snapshot())
        )


def answering(right: Callable[[Request], Any], wrong: Any, times: int = 1) -> Callable[..., Any]:
    """What answers wrongly so many times, then right."""
    left = [wrong] * times
    replace = msgspec.structs.replace
    return lambda request: replace(left.pop(), re=request.re) if left else right(request)


def comparable(guests: Iterable[Any]) -> dict[str, tuple[Any, ...]]:
    """What events tell of guests, by uuid."""
    return {
        g.uuid: (g.name, g.id, g.presence, g.state, g.reason, g.vcpus, g.memory, g.persistent)
        for g in guests
    }


def until(condition: Callable[[], object], step: Callable[[], object], seconds: float = 20) -> None:
    """Take steps until a condition holds; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        step()
