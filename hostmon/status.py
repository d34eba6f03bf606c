"""What an agent answers on its request socket: its state, its guests, its drivers. Types only."""

from typing import Annotated

import msgspec

from hostmon.account import FilesystemAccount, HostAccount, Sums
from hostmon.numbers import ClassSequence

WIRE_VERSION = 1
QUESTIONS = (
    "snapshot", "replay", "status", "guests", "health", "schema", "claim", "release"
)  # fmt: skip


class GuestStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One guest, as of ``sequence`` of its class lifecycle; memory in bytes.

    ``presence`` is ``present``, ``absent`` or ``unknown`` (while libvirt is away). ``known_ns`` is
    when libvirt last told its sizes, by the agent's monotonic clock, 0 for never.
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
    known_ns: int = 0


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


class DoorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Connections of one of the bus's sockets: now, and handshakes that failed since the start."""

    name: str
    peers: int
    failed: int


class GateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The bus's gate: who is connected, and what came since the start that should not.

    ``keys`` are allowed now, ``unusable_keys`` are files and folders of keys that can't be used,
    ``denied`` counts connections with other keys. ``crowded_out`` connections were too many,
    ``stalled`` ones did not take what was sent, ``cut_off`` ones said or subscribed to too much.
    ``overgrown`` times everybody was ended since memory had grown by more than peers may cost.
    ``ignored`` messages were no subscription, ``refused`` questions malformed, unknown or too many,
    ``unfetched`` answers dropped since whoever asked had too many to fetch, or was gone.
    """

    doors: tuple[DoorStatus, ...] = ()
    denied: int = 0
    crowded_out: int = 0
    stalled: int = 0
    overgrown: int = 0
    keys: int = 0
    unusable_keys: int = 0
    cut_off: int = 0
    ignored: int = 0
    refused: int = 0
    unfetched: int = 0


class ClaimsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Claims of schedulers: ``outstanding`` hold room now, the others are counted since the start.

    ``confirmed`` ones had their guests started, ``refused`` ones found no room. ``failed_looks``
    could not tell whether any may be granted; their time does not count as ``claim_grace``.
    """

    outstanding: int = 0
    granted: int = 0
    confirmed: int = 0
    expired: int = 0
    released: int = 0
    refused: int = 0
    failed_looks: int = 0


class ImageCacheStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The cache of base images: looks, those that failed, files removed, since the agent's start.

    ``used``, ``unused`` and ``reported`` count files and troubles as of the last look that worked.
    """

    directory: str
    looks: int
    failures: int
    used: int
    unused: int
    removed: int
    reported: int


class ReadingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What reading costs, counted since the agent's start; times in seconds.

    ``passes`` over the kernel's files took ``cpu`` in all, the last one ``last_pass`` of wall time.
    Of the hypervisor ``calls`` were made; ``confirmed`` readings were not asked for, since no vCPU
    had run; ``late`` calls passed their deadline, ``failed`` ones lost the connection; ``hung`` are
    under way still. The monitors of ``stuck`` guests do not answer; ``denied`` names groups of
    columns that a missing permission costs. Of ``unresolved`` active guests no process was found,
    of ``barred`` ones among them for want of permission.
    ``memory_failures`` counts readings that memory lacked for, ``overtaken`` answers of the
    hypervisor that came after newer ones, ``unknown_fields`` what nobody knows in its answers.
    """

    passes: int = 0
    cpu: float = 0.0
    last_pass: float = 0.0
    calls: int = 0
    confirmed: int = 0
    late: int = 0
    failed: int = 0
    hung: int = 0
    stuck: int = 0
    denied: tuple[str, ...] = ()
    unresolved: int = 0
    barred: int = 0
    memory_failures: int = 0
    overtaken: int = 0
    unknown_fields: int = 0


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The agent as a whole; times in seconds, ``connection`` is ``up`` or ``down``.

    ``current``: it is up, and the account is what libvirt last told: every guest was compared since
    the connection began and since events were last lost, and of each that runs the sizes are known.
    ``behind`` says, for people, why it is not; empty where it is.

    ``active`` counts guests that have a process: running, paused, suspended. ``account`` is as of
    ``account.changes``. The last audit ended at ``audited_at``, in seconds since 1970 (0: none
    yet); ``healed`` counts what audits found wrong, by field. Without a cache of base images
    ``image_cache`` is absent. ``ailing`` names parts of the agent that ended by themselves or stand
    still, with which it is not well. ``filesystems`` are those that hold guests' images.
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
    current: bool = False
    behind: str = ""
    connections: int
    libvirt_version: str
    virt: str = "libvirt"
    virt_violations: int = 0
    guests: int
    running: int
    active: int
    classes: tuple[ClassStatus, ...]
    kinds: tuple[KindCount, ...]
    lost_records: int
    drivers: tuple[DriverStatus, ...]
    events_addresses: tuple[str, ...]
    web_addresses: tuple[str, ...] = ()
    account: HostAccount | None = None
    audited_at: float = 0.0
    healed: dict[str, int] = {}
    gate: GateStatus = GateStatus()
    claims: ClaimsStatus = ClaimsStatus()
    image_cache: ImageCacheStatus | None = None
    reading: ReadingStatus = ReadingStatus()
    ailing: tuple[str, ...] = ()
    filesystems: tuple[FilesystemAccount, ...] = ()


Bytes = Annotated[int, msgspec.Meta(ge=0, lt=1 << 60)]


class ClaimWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Room that a scheduler wants for a guest that is to be; the id, a UUID, is its own choice.

    Memory and disk in bytes, ``ttl`` in seconds. ``page_size`` is that of the huge pages that are
    to back all of the memory, 0 for none; ``guest`` the uuid by which the guest will start.
    ``again``: it was granted under this id by another run of the agent, whose claims ended with it.
    """

    id: str
    vcpus: Annotated[int, msgspec.Meta(ge=0, lt=1 << 20)] = 0
    memory: Bytes = 0
    disk: Bytes = 0
    page_size: Bytes = 0
    guest: str = ""
    ttl: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0
    again: bool | msgspec.UnsetType = msgspec.UNSET


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A question: one of ``QUESTIONS``.

    ``re`` comes back in the answer. A replay gives ``after``, by class the number it wants the
    events beyond, and may be limited to ``kinds`` and ``guests`` (uuids, 64 at most). A snapshot's
    further pages are asked for by the ``id`` and ``row`` of the page before. ``claim`` is what a
    claim wants; a release names the claim by its id.
    """

    ask: str
    v: int = WIRE_VERSION
    re: int = 0
    after: dict[str, Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]] = {}
    kinds: tuple[str, ...] = ()
    guests: tuple[str, ...] = ()
    id: Annotated[int, msgspec.Meta(ge=0)] = 0
    row: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] = 0
    claim: ClaimWanted | msgspec.UnsetType = msgspec.UNSET


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer carries; ``re`` is its question's."""

    v: int = WIRE_VERSION
    re: int = 0


class GuestList(_Answer, frozen=True, kw_only=True, tag="guests"):
    """Answer to ``guests``."""

    epoch: int
    sequence: int
    guests: tuple[GuestStatus, ...]


class StatusAnswer(_Answer, frozen=True, kw_only=True, tag="status"):
    """Answer to ``status``."""

    status: AgentStatus


class SnapshotAnswer(_Answer, frozen=True, kw_only=True, tag="snapshot"):
    """Answer to ``snapshot``: one page of the guests, each as after the numbers in ``classes``.

    ``account`` is the host's after the same events. ``taken_ns`` is by the agent's monotonic clock.
    Where ``row`` is not 0 there is more: ask again with ``id`` and ``row``. ``guests`` is an array
    of GuestStatus.
    """

    epoch: int
    host: str
    connection: str
    taken_ns: int
    classes: tuple[ClassSequence, ...]
    id: int
    row: int
    guests: msgspec.Raw
    account: HostAccount | None = None


class ReplayAnswer(_Answer, frozen=True, kw_only=True, tag="replay"):
    """Answer to ``replay``: events as the bus carries them, in the order of their publication.

    Up to the numbers in ``through`` nothing that was asked for is missing; where there is ``more``,
    ask again after those.
    """

    epoch: int
    host: str
    through: tuple[ClassSequence, ...]
    more: bool
    events: msgspec.Raw


class SchemaAnswer(_Answer, frozen=True, kw_only=True, tag="schema"):
    """Answer to ``schema``: JSON Schema of every event, question and answer, as JSON text."""

    schema: str


class HealthAnswer(_Answer, frozen=True, kw_only=True, tag="health"):
    """Answer to ``health``: ``ok`` while every part of the agent is well, as ``/healthz`` says.

    ``ailing`` names those that are not. Whether libvirt is connected ``connection`` says.
    """

    epoch: int
    host: str
    ok: bool
    connection: str
    reason: str
    guests: int
    kept: int
    classes: tuple[ClassSequence, ...]
    ailing: tuple[str, ...] = ()


class ClaimAnswer(_Answer, frozen=True, kw_only=True, tag="claim"):
    """Answer to ``claim`` and ``release``: how the claim stands, and the account's sums now.

    ``state`` is ``granted``, ``confirmed`` (its guest has started), ``expired``, ``released``,
    ``refused`` or ``unknown``. A claim that was refused found too little of ``resource``:
    ``vcpus``, ``memory``, ``disk``, ``hugepages``, ``guest`` (that guest runs here, or has another
    claim) or ``claims`` (there are too many); ``asked`` and ``free`` say how much. One that was
    granted expires at ``expires_ns`` by the agent's monotonic clock.
    """

    epoch: int
    host: str
    id: str
    state: str
    sums: Sums
    resource: str = ""
    asked: int = 0
    free: int = 0
    expires_ns: int = 0


class Refusal(_Answer, frozen=True, kw_only=True, tag="refusal"):
    """Answer to what the agent does not understand or cannot do; ``error`` is for people.

    ``code`` is ``malformed``, ``unknown``, ``beyond`` (the ring no longer holds what was asked
    for), ``expired`` (the snapshot whose page was asked for is gone), ``unready`` (the account may
    be behind: no claim is granted) or ``rate``.
    """

    error: str
    code: str = "malformed"
    epoch: int = 0


ANSWERS = (
    GuestList,
    StatusAnswer,
    SnapshotAnswer,
    ReplayAnswer,
    SchemaAnswer,
    HealthAnswer,
    ClaimAnswer,
    Refusal,
)
Answer = (
    GuestList
    | StatusAnswer
    | SnapshotAnswer
    | ReplayAnswer
    | SchemaAnswer
    | HealthAnswer
    | ClaimAnswer
    | Refusal
)
"""Every answer there is; the tag ``type`` tells them apart."""
