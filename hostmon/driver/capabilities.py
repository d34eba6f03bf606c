"""What drivers declare of themselves: typed, immutable, with a documented default for each."""

from typing import Literal

import msgspec

Isolation = Literal["thread", "process"]


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a driver that has none."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver under ``hostmon.drivers`` wants and does; the agent acts on this alone.

    ``topics`` are the kinds of events it is given; () means every kind.
    ``isolation`` is where it prefers to run; None means a thread for a driver of hostmon's own
    distribution, a process for any other.
    ``acts`` says that it changes guests or the host: it always runs in a process, as the user that
    the configuration names.
    ``needs_metrics`` says that it calls ``view.metrics()``, which only a thread can answer.
    ``event_versions`` are the versions of events (``Event.v``) that it reads, oldest and newest.
    ``kind`` is of API 1: one kind instead of ``topics``.
    """

    topics: tuple[str, ...] = ()
    isolation: Isolation | None = None
    acts: bool = False
    needs_metrics: bool = False
    event_versions: tuple[int, int] = (1, 1)
    kind: str | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of events wanted, whichever version declared them."""
        return self.topics or ((self.kind,) if self.kind is not None else ())
