"""Every fault that a stage can be put through, by its name: what tests and the soak both inject."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.fault.figures import Value, tell
from tests.fault.outcome import Outcome
from tests.fault.stage import Stage

Inject = Callable[..., Mapping[str, Value]]
"""Injects a fault and lifts it; may give figures of its own. Sizes come by keyword."""

Sizes = Mapping[str, float]


@dataclass(frozen=True)
class Fault:
    """One fault and its sizes: among other tests, on its own, and as one of a soak's many.

    Without ``soak`` a soak does not choose it at random.
    """

    name: str
    inject: Inject
    quick: Sizes
    full: Sizes
    soak: Sizes | None

    def sized(self, sizes: Sizes) -> Callable[[Stage], Mapping[str, Value]]:
        """The fault at this size."""
        return functools.partial(self.inject, **sizes)


FAULTS: dict[str, Fault] = {}


def fault(
    name: str, *, quick: Sizes | None = None, full: Sizes | None = None, soak: Sizes | None = None
) -> Callable[[Inject], Inject]:
    """Register a fault; what has no sizes has no parameters."""

    def register(inject: Inject) -> Inject:
        if name in FAULTS:
            raise ValueError(f"fault {name!r} is registered twice")
        FAULTS[name] = Fault(name, inject, quick or {}, full or quick or {}, soak)
        return inject

    return register


def put_through(stage: Stage, name: str, sizes: Sizes) -> Outcome:
    """Have a stage survive a fault, and tell its figures."""
    stage.active(int(sizes.get("count", 1)) + 1)  # before the baseline is taken
    outcome = stage.survive(FAULTS[name].sized(sizes))
    tell(name, **outcome.figures())
    return outcome


def sizes_of(name: str, *, full: bool) -> Sizes:
    """A fault's sizes as a test has them."""
    return FAULTS[name].full if full else FAULTS[name].quick
