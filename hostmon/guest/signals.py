"""Tells whoever acts on a guest of the events that the act causes.

Owns the Python callbacks on one connection: one a kind, registered when somebody first watches for
it, since libvirt-python refuses a second registration of the same event. A connection that nobody
acts on registers none. The agent's events take another way (ext/callbacks.pyx).
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable

import libvirt

from hostmon import kinds
from hostmon.choices import chosen
from hostmon.errors import NotConnectedError
from hostmon.events import (
    AgentLifecycleEvent,
    BalloonChangeEvent,
    BlockJobEvent,
    DeviceAddedEvent,
    DeviceRemovalFailedEvent,
    DeviceRemovedEvent,
    DomainEvent,
    JobCompletedEvent,
    LifecycleEvent,
    MetadataChangeEvent,
    RebootEvent,
    TrayChangeEvent,
    TunableEvent,
    TypedParameter,
)
from hostmon.kinds import name_of
from hostmon.libvirt_errors import translated


def _parameters(values: dict[str, bool | int | float | str]) -> tuple[TypedParameter, ...]:
    return tuple(TypedParameter(name, value) for name, value in values.items())


# What libvirt-python hands to a callback after the domain, as the event it means.
_EVENTS: dict[str, Callable[..., DomainEvent]] = {
    "lifecycle": lambda event, detail, **who: LifecycleEvent(
        event=name_of(kinds.LIFECYCLE_EVENTS, event),
        detail=kinds.detail_name(event, detail),
        **who,
    ),
    "reboot": RebootEvent,
    "tray-change": lambda alias, reason, **who: TrayChangeEvent(
        dev_alias=alias, reason=name_of(kinds.TRAY_CHANGE_REASONS, reason), **who
    ),
    "balloon-change": lambda actual, **who: BalloonChangeEvent(actual=actual * 1024, **who),
    "device-added": lambda alias, **who: DeviceAddedEvent(dev_alias=alias, **who),
    "device-removed": lambda alias, **who: DeviceRemovedEvent(dev_alias=alias, **who),
    "device-removal-failed": lambda alias, **who: DeviceRemovalFailedEvent(dev_alias=alias, **who),
    "block-job": lambda disk, job, status, **who: BlockJobEvent(
        disk=disk,
        type=name_of(kinds.BLOCK_JOB_TYPES, job),
        status=name_of(kinds.BLOCK_JOB_STATUSES, status),
        **who,
    ),
    "tunable": lambda values, **who: TunableEvent(params=_parameters(values), **who),
    "agent-lifecycle": lambda state, reason, **who: AgentLifecycleEvent(
        state=name_of(kinds.AGENT_STATES, state),
        reason=name_of(kinds.AGENT_REASONS, reason),
        **who,
    ),
    "job-completed": lambda values, **who: JobCompletedEvent(params=_parameters(values), **who),
    "metadata-change": lambda part, uri, **who: MetadataChangeEvent(
        type=name_of(kinds.METADATA_TYPES, part), nsuri=uri, **who
    ),
}
KINDS = tuple(_EVENTS)


class Watch:
    """The events of one guest, from now on; a context manager that ends with its block."""

    def __init__(self, signals: "Signals", guest: bytes, watched: tuple[str, ...]) -> None:
        self._signals = signals
        self.guest = guest
        self.kinds = watched
        self.queue: queue.SimpleQueue[DomainEvent | None] = queue.SimpleQueue()

    def __enter__(self) -> "Watch":
        self._signals.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._signals.remove(self)

    def wait(
        self, accept: Callable[[DomainEvent], bool] = lambda _: True, timeout: float = 10.0
    ) -> DomainEvent | None:
        """The next event that ``accept`` takes, None when none came within ``timeout`` seconds.

        Events that it does not take are dropped. Raises NotConnectedError when the connection goes
        away meanwhile: what became of the guest is then unknown.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                event = self.queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if event is None:
                raise NotConnectedError("the connection was lost while waiting; connect again")
            if accept(event):
                return event


class Signals:
    """The events of one connection, for those who watch."""

    def __init__(self, connection: libvirt.virConnect) -> None:
        self._connection = connection
        self._watches: list[Watch] = []
        self._handles: dict[str, int] = {}
        # Never held while libvirt is asked: its event thread takes it in every callback.
        self._lock = threading.Lock()
        self._registering = threading.Lock()

    def watch(self, guest: bytes, watched: tuple[str, ...]) -> Watch:
        """A watch for these kinds of one guest's events; it watches once it is entered.

        Raises ArgumentError for a kind that is not among KINDS.
        """
        for kind in watched:
            chosen("kind", kind, _EVENTS)
        return Watch(self, guest, watched)

    def add(self, watch: Watch) -> None:
        """Begin a watch; raises UnsupportedError where the connection has no such event."""
        self._register(watch.kinds)
        with self._lock:
            self._watches.append(watch)

    def remove(self, watch: Watch) -> None:
        """End a watch."""
        with self._lock:
            self._watches.remove(watch)

    def lost(self) -> None:
        """Tell everybody who waits that the connection is gone."""
        with self._lock:
            for watch in self._watches:
                watch.queue.put(None)

    def close(self) -> None:
        """Deregister everything, before the connection closes."""
        self.lost()
        with self._registering:
            for handle in self._handles.values():
                try:
                    self._connection.domainEventDeregisterAny(handle)
                except libvirt.libvirtError:
                    continue  # the connection is dead: there is nothing to deregister from
            self._handles.clear()

    @translated("events of guests")
    def _register(self, watched: Iterable[str]) -> None:
        with self._registering:
            for kind in watched:
                if kind not in self._handles:
                    self._handles[kind] = self._connection.domainEventRegisterAny(
                        None, kinds.NUMBERS[kind], self._deliver, kind
                    )

    def _deliver(self, _connection: object, domain: libvirt.virDomain, *values: object) -> None:
        """In libvirt's event thread: hand one event to those who watch for it, and return."""
        *carried, kind = values
        guest = domain.UUID()
        with self._lock:
            watches = [
                one for one in self._watches if one.guest == guest and str(kind) in one.kinds
            ]
        if not watches:
            return
        event = _EVENTS[str(kind)](
            *carried, uuid=domain.UUIDString(), name=domain.name(), id=domain.ID()
        )
        for watch in watches:
            watch.queue.put(event)
