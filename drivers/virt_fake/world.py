"""The world of one fake hypervisor: its guests, what may be done to them, who is told.

Every change is told to the connections of this world, in order, as libvirt tells it; what libvirt
announces by no event is not announced here either. Any thread may change it.
"""

import threading
import uuid as uuidlib
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from hostmon import kinds
from hostmon.driver.sinks import EventSink
from hostmon.errors import GuestNotFoundError, HypervisorError
from hostmon.events import BalloonChangeEvent, Event, LifecycleEvent, RebootEvent
from hostmon_drivers.virt_fake.guest import FakeGuest

MIB = 1 << 20
RUNNING, PAUSED = kinds.STATE_RUNNING, kinds.STATE_PAUSED
SHUTOFF, CRASHED = kinds.STATE_SHUTOFF, kinds.STATE_CRASHED


class World:
    """Guests by name; a change that a guest's state forbids raises HypervisorError."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._guests: dict[str, FakeGuest] = {}
        self._next_id = 1
        self._sinks: list[EventSink] = []
        self._away = ""
        self._stuck: set[str] = set()
        self._freed = threading.Condition(self._lock)

    # What connections use.

    def subscribe(self, events: EventSink) -> None:
        """Tell of every change from now on."""
        with self._lock:
            self._sinks.append(events)

    def unsubscribe(self, events: EventSink) -> None:
        """Tell no more."""
        with self._lock:
            if events in self._sinks:
                self._sinks.remove(events)

    def check(self) -> None:
        """Raise HypervisorError while the world is away."""
        if self._away:
            raise HypervisorError(f"fake hypervisor: {self._away}; bring it back")

    def guests(self) -> list[FakeGuest]:
        """Copies of all guests, as of now."""
        with self._lock:
            self.check()
            return [msgspec.structs.replace(guest) for guest in self._guests.values()]

    def guest(self, uuid: uuidlib.UUID) -> FakeGuest:
        """A copy of one guest; GuestNotFoundError when there is none."""
        for guest in self.guests():
            if guest.uuid == uuid:
                return guest
        raise GuestNotFoundError(f"fake hypervisor: has no guest {uuid}")

    def wait_for(self, name: str) -> None:
        """Block while a guest is stuck."""
        with self._freed:
            self._freed.wait_for(lambda: name not in self._stuck)

    def is_stuck(self, name: str) -> bool:
        """Whether a guest answers nothing."""
        return name in self._stuck

    # What scripts and tests do.

    def define(self, name: str, *, vcpus: int = 1, memory: int = 512 * MIB) -> uuidlib.UUID:
        """A new guest, off; or another size at its next start."""
        with self._lock:
            known = self._guests.get(name)
            guest = known or FakeGuest(uuid=uuidlib.uuid5(uuidlib.NAMESPACE_DNS, name), name=name)
            guest.next_vcpus, guest.next_memory = vcpus, memory
            if guest.id < 0:
                guest.vcpus, guest.memory = vcpus, memory
            self._guests[name] = guest
            self._tell(guest, "defined", "updated" if known else "added")
            return guest.uuid

    def start(self, name: str) -> None:
        """Run it, in its next size."""
        with self._changed(name, SHUTOFF, CRASHED) as guest:
            guest.boot(self._next_id)
            self._next_id += 1
            self._tell(guest, "started", "booted")

    def suspend(self, name: str) -> None:
        """Pause it."""
        with self._changed(name, RUNNING) as guest:
            guest.become(PAUSED, 1)
            self._tell(guest, "suspended", "paused")

    def resume(self, name: str) -> None:
        """Let it run on."""
        with self._changed(name, PAUSED) as guest:
            guest.become(RUNNING, 5)
            self._tell(guest, "resumed", "unpaused")

    def stop(self, name: str) -> None:
        """Pull its plug."""
        self._end(name, SHUTOFF, 2, "destroyed")

    def shutdown(self, name: str) -> None:
        """Its own orderly end."""
        self._end(name, SHUTOFF, 1, "shutdown")

    def crash(self, name: str) -> None:
        """Its end by its own fault."""
        self._end(name, CRASHED, 1, "crashed")

    def reboot(self, name: str) -> None:
        """It begins anew without an end."""
        with self._changed(name, RUNNING) as guest:
            self._put(RebootEvent(uuid=str(guest.uuid), name=name, id=guest.id))

    def undefine(self, name: str) -> None:
        """Forget it."""
        with self._changed(name, SHUTOFF, CRASHED) as guest:
            del self._guests[name]
            self._tell(guest, "undefined", "removed")

    def set_vcpus(self, name: str, vcpus: int) -> None:
        """Another number of vCPUs, running or not; told by no event."""
        with self._lock:
            self._known(name).vcpus = vcpus

    def set_memory(self, name: str, memory: int) -> None:
        """Another size by the balloon, in bytes."""
        with self._changed(name, RUNNING) as guest:
            guest.memory = memory
            self._put(
                BalloonChangeEvent(
                    uuid=str(guest.uuid), name=name, id=guest.id, actual=memory // 1024
                )
            )

    def vanish(self, name: str) -> None:
        """Gone without a word, as when its hypervisor forgot it while it was away."""
        with self._lock:
            del self._guests[name]

    def go_away(self, reason: str = "is away") -> None:
        """Break every connection, and refuse new ones, until :meth:`come_back`."""
        with self._lock:
            self._away = reason
            sinks, self._sinks = self._sinks, []
        for events in sinks:
            events.lost(reason)

    def come_back(self) -> None:
        """Answer again."""
        self._away = ""

    def stick(self, name: str) -> None:
        """Whoever asks this guest for statistics hangs, until :meth:`free`."""
        self._stuck.add(name)

    def free(self, name: str) -> None:
        """It answers again."""
        with self._freed:
            self._stuck.discard(name)
            self._freed.notify_all()

    def _known(self, name: str) -> FakeGuest:
        if name not in self._guests:
            raise GuestNotFoundError(f"fake hypervisor: has no guest {name!r}; define it first")
        return self._guests[name]

    @contextmanager
    def _changed(self, name: str, *states: int) -> Iterator[FakeGuest]:
        """A guest to be changed, in one of these states."""
        with self._lock:
            guest = self._known(name)
            if guest.state not in states:
                wanted = " or ".join(kinds.STATES[state] for state in states)
                raise HypervisorError(
                    f"guest {name!r} is {kinds.STATES[guest.state]}; only one that is {wanted} may"
                )
            yield guest

    def _end(self, name: str, state: int, reason: int, detail: str) -> None:
        with self._changed(name, RUNNING, PAUSED) as guest:
            guest.halt(state, reason)
            self._tell(guest, "stopped", detail)

    def _tell(self, guest: FakeGuest, event: str, detail: str) -> None:
        self._put(
            LifecycleEvent(
                uuid=str(guest.uuid), name=guest.name, id=guest.id, event=event, detail=detail
            )
        )

    def _put(self, event: Event) -> None:
        for events in self._sinks:
            events.put(event)
