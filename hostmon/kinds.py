"""libvirt's own names for kinds of event and for what they carry.

The one source of both the typed events and the compiled encoder: names are libvirt's constants
without their prefix, in lower case (VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT: ``from-snapshot``), in
the order of their numbers. A number beyond a table travels as the number.
Source: libvirt-domain.h, libvirt-network.h, libvirt-storage.h of libvirt 9.0.
"""

# A kind's number is the id libvirt registers it by; of twins only the richer id has a name.
DOMAIN_KINDS: dict[int, str] = {
    0: "lifecycle",
    1: "reboot",
    2: "rtc-change",
    3: "watchdog",
    5: "graphics",
    6: "io-error",
    7: "control-error",
    9: "disk-change",
    10: "tray-change",
    11: "pm-wakeup",
    12: "pm-suspend",
    13: "balloon-change",
    14: "pm-suspend-disk",
    15: "device-removed",
    16: "block-job",
    17: "tunable",
    18: "agent-lifecycle",
    19: "device-added",
    20: "migration-iteration",
    21: "job-completed",
    22: "device-removal-failed",
    23: "metadata-change",
    24: "block-threshold",
    25: "memory-failure",
    26: "memory-device-size-change",
}
# Ids whose twin carries more: IO_ERROR (IO_ERROR_REASON), BLOCK_JOB (BLOCK_JOB_2).
POORER_TWINS = frozenset({4, 8})

# Kinds of our numbering, above libvirt's domain events.
HOST_KINDS: dict[int, str] = {
    40: "network",
    41: "pool",
    42: "pool-refresh",
    46: "account",
    47: "lost",
    48: "connection",
    49: "heartbeat",
}
# Found by asking libvirt, not told by it.
FOUND_KINDS: dict[int, str] = {43: "facts"}
# Told by the kernel, libvirtd alive or not.
KERNEL_KINDS: dict[int, str] = {39: "process-exit"}
SETTLED_KINDS: dict[int, str] = {44: "stopped", 45: "rebooted"}
KINDS: dict[int, str] = DOMAIN_KINDS | HOST_KINDS | FOUND_KINDS | KERNEL_KINDS | SETTLED_KINDS
NUMBERS: dict[str, int] = {name: number for number, name in KINDS.items()}

# Classes number their events apart, so that a subscriber to one sees its own gaps only.
# The last one, heartbeat, is never replayed.
CLASSES = ("lifecycle", "host", "settled", "heartbeat")
REPLAYED = CLASSES[:-1]
CLASS_OF: dict[str, str] = (
    dict.fromkeys(
        [*DOMAIN_KINDS.values(), *FOUND_KINDS.values(), *KERNEL_KINDS.values()], "lifecycle"
    )
    | dict.fromkeys(SETTLED_KINDS.values(), "settled")
    | dict.fromkeys(HOST_KINDS.values(), "host")
    | {"heartbeat": "heartbeat"}
)

ORIGINS = ("live", "resync", "kernel", "replayed")

LIFECYCLE_EVENTS = (
    "defined",
    "undefined",
    "started",
    "suspended",
    "resumed",
    "stopped",
    "shutdown",
    "pmsuspended",
    "crashed",
)
LIFECYCLE_DETAILS: tuple[tuple[str, ...], ...] = (
    ("added", "updated", "renamed", "from-snapshot"),
    ("removed", "renamed"),
    ("booted", "migrated", "restored", "from-snapshot", "wakeup"),
    (
        "paused",
        "migrated",
        "ioerror",
        "watchdog",
        "restored",
        "from-snapshot",
        "api-error",
        "postcopy",
        "postcopy-failed",
    ),
    ("unpaused", "migrated", "from-snapshot", "postcopy", "postcopy-failed"),
    ("shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from-snapshot"),
    ("finished", "guest", "host"),
    ("memory", "disk"),
    ("panicked", "crashloaded"),
)
WATCHDOG_ACTIONS = ("none", "pause", "reset", "poweroff", "shutdown", "debug", "inject-nmi")
IO_ERROR_ACTIONS = ("none", "pause", "report")
GRAPHICS_PHASES = ("connect", "initialize", "disconnect")
GRAPHICS_FAMILIES = ("ipv4", "ipv6", "unix")
BLOCK_JOB_TYPES = ("unknown", "pull", "copy", "commit", "active-commit", "backup")
BLOCK_JOB_STATUSES = ("completed", "failed", "canceled", "ready")
DISK_CHANGE_REASONS = ("change-missing-on-start", "drop-missing-on-start")
TRAY_CHANGE_REASONS = ("open", "close")
AGENT_STATES = ("", "connected", "disconnected")
AGENT_REASONS = ("unknown", "domain-started", "channel")
METADATA_TYPES = ("description", "title", "element")
MEMORY_FAILURE_RECIPIENTS = ("hypervisor", "guest")
MEMORY_FAILURE_ACTIONS = ("ignore", "inject", "fatal", "reset")
NETWORK_EVENTS = ("defined", "undefined", "started", "stopped")
POOL_EVENTS = ("defined", "undefined", "started", "stopped", "created", "deleted")

# After these a guest's sizes or devices may be others: it is looked up.
LOOKED_UP = (
    "lifecycle", "balloon-change", "device-added", "device-removed", "disk-change", "tunable",
    "metadata-change", "memory-device-size-change",
)  # fmt: skip
# After these the columns that only libvirt fills are others: they are read anew.
STIRS = (
    "balloon-change", "block-job", "block-threshold", "disk-change", "job-completed",
    "migration-iteration", "tunable", "memory-device-size-change",
)  # fmt: skip

STATES = (
    "nostate",
    "running",
    "blocked",
    "paused",
    "shutdown",
    "shutoff",
    "crashed",
    "pmsuspended",
)
STATE_RUNNING = 1
STATE_PAUSED = 3
STATE_SHUTOFF = 5
STATE_CRASHED = 6
STATE_PMSUSPENDED = 7
CONNECTION_STATES = ("down", "up")


def name_of(table: tuple[str, ...], number: int) -> str | int:
    """The name libvirt gives a number, or the number itself where the table has none."""
    return table[number] if 0 <= number < len(table) and table[number] else number


def detail_name(event: int, detail: int) -> str | int:
    """The name of a lifecycle event's detail, or its number."""
    details = LIFECYCLE_DETAILS[event] if 0 <= event < len(LIFECYCLE_DETAILS) else ()
    return name_of(details, detail)
