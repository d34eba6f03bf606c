"""What a guest is doing: its state with the reason, its sizes and flags, without asking QEMU.

The names are libvirt's constants in lower case, as in hostmon/kinds.py.
Source: libvirt-domain.h of libvirt 9.0 (virDomainRunningReason and its like).
"""

import msgspec

from hostmon import kinds
from hostmon.guest.handle import Handle, asks
from hostmon.kinds import name_of

_MOVED = ("booted", "migrated", "restored", "from-snapshot")
REASONS: dict[str, tuple[str, ...]] = {
    "nostate": ("unknown",),
    "running": (
        "unknown", *_MOVED, "unpaused", "migration-canceled", "save-canceled", "wakeup",
        "crashed", "postcopy", "postcopy-failed",
    ),
    "blocked": ("unknown",),
    "paused": (
        "unknown", "user", "migration", "save", "dump", "ioerror", "watchdog", "from-snapshot",
        "shutting-down", "snapshot", "crashed", "starting-up", "postcopy", "postcopy-failed",
        "api-error",
    ),
    "shutdown": ("unknown", "user"),
    "shutoff": (
        "unknown", "shutdown", "destroyed", "crashed", "migrated", "saved", "failed",
        "from-snapshot", "daemon",
    ),
    "crashed": ("unknown", "panicked"),
    "pmsuspended": ("unknown",),
}  # fmt: skip


class State(msgspec.Struct, frozen=True):
    """A guest's state and why it is in it; numbers that are newer than this stay numbers."""

    name: str | int
    reason: str | int

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


class GuestFacts(msgspec.Struct, frozen=True):
    """What libvirt says of a guest in a few cheap calls; none of them asks QEMU itself.

    ``state`` and ``reason`` are libvirt's numbers (virDomainGetState), memory is in bytes,
    ``cpu_time_ns`` is 0 for a guest that is not running.
    """

    state: int
    reason: int
    memory_max: int
    memory: int
    vcpus: int
    cpu_time_ns: int
    persistent: bool
    autostart: bool


class Facts(Handle):
    """The part of Guest that tells what it is doing."""

    @asks("facts")
    def facts(self) -> GuestFacts:
        """State, sizes and flags (virDomainGetState, GetInfo); answers for a stuck guest too."""
        state, reason = self._domain.state()
        _, memory_max, memory, vcpus, cpu_time = self._domain.info()
        return GuestFacts(
            state=state,
            reason=reason,
            memory_max=memory_max * 1024,
            memory=memory * 1024,
            vcpus=vcpus,
            cpu_time_ns=cpu_time,
            persistent=bool(self._domain.isPersistent()),
            autostart=bool(self._domain.autostart()),
        )

    @asks("state")
    def state(self) -> State:
        """The state and its reason by name (virDomainGetState)."""
        state, reason = self._domain.state()
        name = name_of(kinds.STATES, state)
        return State(name, name_of(REASONS.get(str(name), ()), reason))

    @asks("activity")
    def is_active(self) -> bool:
        """Whether it runs or is paused: whether there is a process (virDomainIsActive)."""
        return bool(self._domain.isActive())

    @asks("persistence")
    def is_persistent(self) -> bool:
        """Whether its definition outlives its run (virDomainIsPersistent)."""
        return bool(self._domain.isPersistent())

    @asks("monitor's state")
    def stuck_for_ms(self) -> int | None:
        """How long QEMU has owed libvirt an answer, None when it owes none or does not run.

        Source: virDomainGetControlInfo, which itself never waits for QEMU. Raises GuestStateError
        for a guest that is off.
        """
        state, _details, since = self._domain.controlInfo()
        return int(since) if state != 0 else None
