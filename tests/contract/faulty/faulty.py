"""Drivers that break their contract, each in one way; installed by the tests that load them."""

import os
import threading
import time
from typing import Any

import msgspec

from hostmon.driver import Capabilities, Driver, DriverContext
from hostmon.errors import DriverError
from hostmon.events import Event


class Well(Driver):
    """Does nothing wrong, and nothing else; base of the others."""

    api_versions = (2, 2)

    def start(self, context: DriverContext) -> None:
        pass

    def handle(self, event: Event) -> None:
        pass

    def stop(self) -> None:
        pass


class Complains(Well):
    """Raises what it declares: counted, nothing else."""

    def handle(self, event: Event) -> None:
        raise DriverError("this event is not to my taste")


class StartRaises(Well):
    def start(self, context: DriverContext) -> None:
        raise KeyError("start")


class HandleRaises(Well):
    def handle(self, event: Event) -> None:
        raise ZeroDivisionError("handle")


class StopRaises(Well):
    """Its own end is a failure, and its stop another."""

    def handle(self, event: Event) -> None:
        raise ValueError("handle")

    def stop(self) -> None:
        raise RuntimeError("stop")


class Blocks(Well):
    def handle(self, event: Event) -> None:
        threading.Event().wait()


class Exits(Well):
    def handle(self, event: Event) -> None:
        os._exit(3)


class LeaksMemory(Well):
    def start(self, context: DriverContext) -> None:
        self.kept: list[bytearray] = []

    def handle(self, event: Event) -> None:
        self.kept.append(bytearray(b"x" * (16 << 20)))


class LeaksFiles(Well):
    def start(self, context: DriverContext) -> None:
        self.kept: list[int] = []

    def handle(self, event: Event) -> None:
        self.kept.append(os.open("/dev/null", os.O_RDONLY))


class WrongReturn(Well):
    def handle(self, event: Event) -> Any:
        return {"handled": True}


class WrongAddresses(Well):
    def addresses(self) -> Any:
        return ["a list"]


class Spins(Well):
    def handle(self, event: Event) -> None:
        while True:
            time.monotonic()


class NoSuchTopic(Well):
    """Declares a kind of event that there is not."""

    capabilities = Capabilities(topics=("lifecycel",))


class NeedsNone(HandleRaises):
    """Needs no events: its fault never shows."""

    capabilities = Capabilities(needs_events=False)


class NeedsNoneOfThese(Well):
    """Declares what it is given, and that it is given nothing."""

    capabilities = Capabilities(needs_events=False, topics=("lifecycle",))


class OtherEvents(Well):
    """Reads events that are not written yet."""

    capabilities = Capabilities(event_versions=(2, 3))


class Acts(Well):
    """Declares that it acts."""

    capabilities = Capabilities(acts=True)


class TooNew(Well):
    api_versions = (3, 4)


class NoVersion(Driver):
    def start(self, context: DriverContext) -> None:
        pass

    def handle(self, event: Event) -> None:
        pass

    def stop(self) -> None:
        pass


class Unfinished(Driver):
    """Implements nothing."""

    api_versions = (2, 2)


class TypedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: int = 1


class Typed(Well):
    """Has a setting of type int."""

    settings_type = TypedSettings


class GrabsSettings(msgspec.Struct, frozen=True):
    required: str = ""


class GrabsOption(Well):
    """Declares a setting that is the agent's."""

    settings_type = GrabsSettings


NO_DRIVER = "a string"
