"""What an agent answers on its request socket: its state, its guests, its drivers. Types only."""

import msgspec

WIRE_VERSION = 1


class GuestStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One guest, as of ``sequence`` of its class lifecycle; memory in bytes.

    ``presence`` is ``present``, ``absent`` or ``unknown`` (while libvirt is away).
    """

    uuid: str
    name: str
    id: int
    presence: str
    state: str | int
    reason: int
    vcpus: int
    memory: int
    memory_max: int
    cpu_time_ns: int
    persistent: bool
    autostart: bool


class DriverStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One driver; counts are since the agent's start, ``lag`` and ``busy`` in seconds.

    ``state`` is starting, running, blocked, restarting, quarantined, refused, failed or stopped;
    ``lag`` is the age of the newest event when the driver was given it, ``busy`` the time spent in
    its ``handle``; ``errors`` are declared ones, ``violations`` breaches of the contract.
    """

    name: str
    state: str
    isolation: str = ""
    pid: int = 0
    handled: int = 0
    errors: int = 0
    violations: int = 0
    restarts: int = 0
    lag: float = 0.0
    busy: float = 0.0
    detail: str = ""


class ClassStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One class of events and the last number it gave out."""

    name: str
    sequence: int


class KindCount(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one kind published since the agent's start."""

    kind: str
    count: int


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The agent as a whole; times in seconds, ``connection`` is ``up`` or ``down``.

    ``active`` counts guests that have a process: running, paused, suspended.
    """

    v: int = WIRE_VERSION
    version: str
    host: str
    uri: str
    epoch: int
    pid: int
    uptime: float
    connection: str
    connection_reason: str
    connections: int
    libvirt_version: str
    guests: int
    running: int
    active: int
    classes: tuple[ClassStatus, ...]
    kinds: tuple[KindCount, ...]
    lost_records: int
    drivers: tuple[DriverStatus, ...]
    events_addresses: tuple[str, ...]
    web_addresses: tuple[str, ...] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A question: ``status`` or ``guests``."""

    ask: str
    v: int = WIRE_VERSION


class GuestList(msgspec.Struct, frozen=True, kw_only=True, tag="guests"):
    """Answer to ``guests``."""

    v: int = WIRE_VERSION
    epoch: int
    sequence: int
    guests: tuple[GuestStatus, ...]


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="status"):
    """Answer to ``status``."""

    v: int = WIRE_VERSION
    status: AgentStatus


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag="refusal"):
    """Answer to what the agent does not understand."""

    v: int = WIRE_VERSION
    error: str


Answer = GuestList | StatusAnswer | Refusal
"""Every answer there is; the tag ``type`` tells them apart."""
