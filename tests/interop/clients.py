"""Both implementations of a subscriber behind one face, for tests of their protocol."""

import json
import subprocess
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from hostmon.client import Endpoint, Filter, asking, link, pages
from hostmon.events import Event, HeartbeatEvent
from hostmon.wire import class_of
from tests.lossy import LossySubscriber
from tests.unit.bus import comparable

HERE = Path(__file__).parent
EVERYTHING = Filter()

Numbers = tuple[str, int]


class Client(Protocol):
    """A subscriber of one agent."""

    def step(self) -> object:
        """Let it go on for a moment."""

    def live(self) -> bool:
        """Whether it has joined, and nothing is asked for."""

    def epoch(self) -> int:
        """Of the agent that it follows."""

    def numbers(self) -> dict[str, int]:
        """By class up to where nothing that is wanted is missing."""

    def events(self) -> list[Numbers]:
        """Class and number of each event that came, in order."""

    def repairs(self) -> list[tuple[str, str, int, int]]:
        """Why, by what, of how many events, and how many were lost in the agent."""

    def malformed(self) -> int:
        """Messages that were passed over."""

    def guests(self) -> dict[str, tuple[Any, ...]]:
        """What its view has."""

    def close(self) -> None:
        """End."""


class InPython:
    """`hostmon.client`."""

    def __init__(
        self, endpoint: Endpoint, wanted: Filter, *, view: bool, lose: Collection[Numbers]
    ) -> None:
        self.subscriber = LossySubscriber(
            endpoint, wanted=wanted, view=view,
            drop=lambda event: (class_of(event), event.sequence) in lose,
        )  # fmt: skip
        self._events: list[Event] = []

    def step(self) -> None:
        event = self.subscriber.receive(0.01)
        if event is not None and not isinstance(event, HeartbeatEvent):
            self._events.append(event)

    def live(self) -> bool:
        return self.subscriber._links[0].state is link.State.LIVE

    def epoch(self) -> int:
        return self.subscriber._links[0].epoch

    def numbers(self) -> dict[str, int]:
        return self.subscriber._links[0]._orders._orders[0].complete

    def events(self) -> list[Numbers]:
        return [(class_of(event), event.sequence) for event in self._events]

    def repairs(self) -> list[tuple[str, str, int, int]]:
        return [(one.reason, one.by, one.events, one.lost) for one in self.subscriber.repairs]

    def malformed(self) -> int:
        return self.subscriber.malformed

    def guests(self) -> dict[str, tuple[Any, ...]]:
        return comparable(self.subscriber.views[0].guests.values())

    def close(self) -> None:
        self.subscriber.close()


class InC:
    """The program of ``subscriber.c``."""

    def __init__(self, program: Path, endpoint: Endpoint, *options: str) -> None:
        self.process = subprocess.Popen(
            [program, endpoint.events, endpoint.requests, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._events: list[Numbers] = []

    @classmethod
    def wanting(
        cls, program: Path, endpoint: Endpoint, wanted: Filter, *, view: bool,
        lose: Collection[Numbers],
    ) -> "InC":  # fmt: skip
        """One with these options, in the haste of tests."""
        given = [("--timeout", str(int(asking.ANSWER_TIMEOUT * 1000)))]
        given += [("--guests", str(pages.MOST_GUESTS))]
        given += [("--lose", f"{name}/{number}") for name, number in lose]
        if wanted.classes != EVERYTHING.classes:
            given += [("--class", name) for name in wanted.classes]
        given += [("--kind", name) for name in wanted.kinds]
        given += [("--guest", name) for name in wanted.guests]
        return cls(program, endpoint, *(w for pair in given for w in pair), *NO_VIEW[view:])

    def view(self) -> dict[str, Any]:
        """All that it tells."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        self._events += [(name, number) for name, number in told["events"]]
        return told

    def step(self) -> None:
        self.view()

    def live(self) -> bool:
        return bool(self.view()["live"])

    def epoch(self) -> int:
        return int(self.view()["epoch"])

    def numbers(self) -> dict[str, int]:
        numbers: dict[str, int] = self.view()["classes"]
        return numbers

    def events(self) -> list[Numbers]:
        self.view()
        return self._events

    def repairs(self) -> list[tuple[str, str, int, int]]:
        return [tuple(one) for one in self.view()["repairs"]]

    def malformed(self) -> int:
        return int(self.view()["malformed"])

    def guests(self) -> dict[str, tuple[Any, ...]]:
        return comparable(SimpleNamespace(**guest) for guest in self.view()["guests"])

    def close(self) -> None:
        self.process.communicate(timeout=10)
        assert self.process.returncode == 0


NO_VIEW = ("--no-view",)


def compiled(folder: Path) -> Path:
    """The C subscriber."""
    path = folder / "subscriber"
    warnings = ["-Wall", "-Wextra", "-Werror", "-Wno-stringop-truncation"]
    subprocess.run(
        ["gcc", "-O2", *warnings, HERE / "subscriber.c", "-o", path, "-lzmq"], check=True
    )
    return path
