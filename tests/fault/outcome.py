"""What one fault came to, and its figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hostmon.events import ConnectionEvent, Event, LifecycleEvent, LostEvent
from tests.fault.align import Alignment
from tests.fault.baseline import Baseline
from tests.fault.figures import Value


@dataclass(frozen=True)
class Outcome:
    """``recovery_s``: from the fault's end until the view equalled libvirt's; ``own``: its figures.

    ``events`` are the subscriber's, from the fault's begin to the recovery's end.
    """

    alignment: Alignment
    events: Sequence[Event]
    recovery_s: float
    baseline: Baseline
    own: Mapping[str, Value]

    @property
    def resyncs(self) -> list[LifecycleEvent]:
        """What comparisons found of guests' lives."""
        return [e for e in self.events if isinstance(e, LifecycleEvent) and e.origin == "resync"]

    def lives(self, guest: str) -> list[LifecycleEvent]:
        """A guest's lifecycle events."""
        return [e for e in self.events if isinstance(e, LifecycleEvent) and e.name == guest]

    @property
    def connections(self) -> list[str]:
        """The states that the agent's connection to libvirt went through."""
        return [str(e.state) for e in self.events if isinstance(e, ConnectionEvent)]

    @property
    def gaps(self) -> int:
        """Gaps that the bus marked."""
        return sum(isinstance(e, LostEvent) for e in self.events) + self.connections.count("down")

    def figures(self) -> dict[str, Value]:
        """For tests/fault/figures.py: events counted, seconds, MiB."""
        return {
            **self.own,
            "virsh_saw": self.alignment.told,
            "subscriber_saw": self.alignment.heard,
            "gaps": self.gaps,
            "behind_gaps": self.alignment.missed,
            "resynced": len(self.resyncs),
            "lost": self.alignment.lost,
            "recovery_s": round(self.recovery_s, 3),
            **self.baseline.figures(),
        }
