"""Which events a subscriber wants: by class, kind and guest."""

import uuid

import msgspec

from hostmon.errors import ArgumentError
from hostmon.events import DomainEvent, Event
from hostmon.kinds import CLASS_OF, REPLAYED
from hostmon.wire import class_of, kind_of

MOST_GUESTS = 64  # that one question for a replay may name
# Subscribed to after all that is wanted: who has heard either of the last two misses none of it.
ALWAYS = (b"host/lost/", b"heartbeat/", b"welcome\0")


class Filter(msgspec.Struct, frozen=True):
    """Events of these classes, these kinds and these guests (uuids); an empty one is no limit.

    Raises ArgumentError for what there is not, and for more guests than a replay may be asked for.
    """

    classes: tuple[str, ...] = REPLAYED
    kinds: tuple[str, ...] = ()
    guests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in CLASS_OF:
                raise ArgumentError(f"no kind {kind!r}; there are {', '.join(sorted(CLASS_OF))}")
        for name in self.classes:
            if name not in REPLAYED:
                raise ArgumentError(f"no class {name!r}; there are {', '.join(REPLAYED)}")
        if len(self.guests) > MOST_GUESTS:
            raise ArgumentError(
                f"{len(self.guests)} guests: give {MOST_GUESTS} at most, or none, and choose"
            )
        # Topics carry uuids in one way of writing them.
        msgspec.structs.force_setattr(self, "guests", tuple(map(written, self.guests)))

    @property
    def tells_losses(self) -> bool:
        """Whether the agent's own losses, events of kind ``lost``, are among what is wanted."""
        return "host" in self.classes and not self.guests and "lost" in (self.kinds or ("lost",))

    @property
    def wanted_classes(self) -> tuple[str, ...]:
        """The classes whose numbers matter."""
        if not self.kinds:
            return self.classes
        return tuple(c for c in self.classes if any(CLASS_OF[k] == c for k in self.kinds))

    def prefixes(self) -> list[bytes]:
        """The subscriptions: topics read ``class/kind/uuid``."""
        if not self.kinds and not self.guests:
            return [f"{name}/".encode() for name in self.classes]
        kinds = self.kinds or tuple(CLASS_OF)
        return [
            f"{CLASS_OF[kind]}/{kind}/{guest}".encode()
            for kind in kinds
            if CLASS_OF[kind] in self.classes
            for guest in self.guests or ("",)
        ]

    def admits(self, event: Event) -> bool:
        """Whether an event is wanted."""
        if class_of(event) not in self.classes or (self.kinds and kind_of(event) not in self.kinds):
            return False
        return not self.guests or (isinstance(event, DomainEvent) and event.uuid in self.guests)


def written(guest: str) -> str:
    """A guest's uuid as the bus writes it; raises ArgumentError for what is none."""
    try:
        return str(uuid.UUID(guest))
    except ValueError:
        raise ArgumentError(f"guest {guest!r} is no uuid; `hostmon guests` tells it") from None


LOSSES = Filter(classes=("host",), kinds=("lost",))
