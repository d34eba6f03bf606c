"""What drivers declare of themselves: typed, immutable, with a documented default for each."""

from typing import Literal, TypeAlias

import msgspec

from hostmon.events import WIRE_VERSION
from hostmon.kinds import CLASS_OF

Isolation = Literal["thread", "process"]


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a driver that has none."""


class Declared(msgspec.Struct, frozen=True, kw_only=True, tag_field="point"):
    """Base of what drivers declare, a type for each plug point."""

    def fault(self) -> str:
        """What is declared and can't be, for the driver's author; empty where there is nothing."""
        return ""


class Capabilities(Declared, frozen=True, kw_only=True, tag="drivers"):
    """What a driver under ``hostmon.drivers`` wants and does; the agent acts on this alone.

    ``topics`` are the kinds of events it is given; () means every kind.
    ``needs_events`` false says that it is given none, and never wakes for one: it has no topics.
    ``isolation`` is where it prefers to run; None means a thread for a driver of hostmon's own
    distribution, a process for any other.
    ``acts`` says that it changes guests or the host: it always runs in a process, as the user that
    the configuration names.
    ``needs_metrics`` says that it calls ``view.metrics()`` or ``view.metric_pieces()``, which only
    a thread can answer.
    ``event_versions`` are the versions of events (``Event.v``) that it reads, oldest and newest.
    ``kind`` is of API 1: one kind instead of ``topics``.
    """

    topics: tuple[str, ...] = ()
    needs_events: bool = True
    isolation: Isolation | None = None
    acts: bool = False
    needs_metrics: bool = False
    event_versions: tuple[int, int] = (1, 1)
    kind: str | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of events wanted, whichever version declared them."""
        return self.topics or ((self.kind,) if self.kind is not None else ())

    def fault(self) -> str:
        """A kind of event that is none, or versions of events that are not written here."""
        for topic in self.kinds:
            if topic not in CLASS_OF:
                return (
                    f"declares the topic {topic!r}, which is no kind of event; "
                    f"there are {', '.join(sorted(CLASS_OF))}"
                )
        if self.kinds and not self.needs_events:
            return f"declares the topics {', '.join(self.kinds)} and that it needs no events"
        oldest, newest = self.event_versions
        if not oldest <= WIRE_VERSION <= newest:
            return (
                f"reads events of version {oldest} to {newest}, this hostmon writes "
                f"{WIRE_VERSION}; install a matching one"
            )
        return ""


class VifCapabilities(Declared, frozen=True, kw_only=True, tag="vif"):
    """What a driver under ``hostmon.vif`` can plug.

    ``types`` are the types of interface that it knows; any other is refused before it is asked.
    ``changes_host`` says that it makes or removes interfaces of the host itself, for which its
    caller must be root.
    """

    types: tuple[str, ...] = ()
    changes_host: bool = False


class VolumeCapabilities(Declared, frozen=True, kw_only=True, tag="volume"):
    """What a driver under ``hostmon.volume`` can make a disk of.

    ``types`` are the types of volume that it knows; any other is refused before it is asked.
    ``protocols`` are those of networked storage, where the type has any.
    """

    types: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()


class FirewallCapabilities(Declared, frozen=True, kw_only=True, tag="firewall"):
    """What a driver under ``hostmon.firewall`` does.

    ``filters`` says that it filters at all; without it nobody prepares anything for it.
    ``acts`` says that it needs a read-write connection.
    """

    filters: bool = False
    acts: bool = False


class VirtCapabilities(Declared, frozen=True, kw_only=True, tag="virt"):
    """What a driver under ``hostmon.virt`` can do; the agent acts on this alone.

    ``has_imagecache`` says that it implements ``manage_image_cache()``, which the agent then calls
    every ``agent.image_cache_interval`` seconds. Without it nothing is called nor prepared.
    """

    has_imagecache: bool = False


AnyCapabilities: TypeAlias = (
    Capabilities | VifCapabilities | VolumeCapabilities | FirewallCapabilities | VirtCapabilities
)
"""The capabilities of a driver of any plug point."""
