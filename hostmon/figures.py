"""The host's figures of a scrape: from memory alone, nobody is asked.

Owns which of the agent's numbers stand behind which column of the catalogue (hostmon/metrics).
"""

from collections.abc import Mapping

from hostmon import kinds
from hostmon.bookkeeper import Books
from hostmon.exposition import Figures
from hostmon.exposition.account import account_figures, filesystem_figures
from hostmon.machine.identity import MachineIdentity
from hostmon.objects import HostObjects
from hostmon.status import AgentStatus

Series = Mapping[tuple[str, ...], float]
Tally = tuple[list[int], list[int], int, int]
"""Events by libvirt's number of lifecycle event and of guest agent's state, crashes, resyncs."""

# Columns of the catalogue that count the events of one kind.
COUNTED = {"io_errors": "io-error", "watchdogs": "watchdog", "process_exits": "process-exit"}


def figures_of(
    status: AgentStatus, books: Books, objects: HostObjects, tally: Tally, now_ns: int
) -> Figures:
    """The columns that are known; the others are left out. ``now_ns`` is CLOCK_MONOTONIC."""
    counts = {kind.kind: kind.count for kind in status.kinds}
    return {
        "up": float(status.connection == "up"),
        "guests": status.guests,
        "guests_active": status.active,
        "guests_skipped": status.reading.stuck,
        **{column: counts[kind] for column, kind in COUNTED.items()},
        **tally_figures(tally),
        **machine_figures(books.machine),
        **audit_figures(books),
        **object_figures(objects, now_ns),
        **(account_figures(status.account) if status.account else {}),
        **filesystem_figures(status.filesystems),
    }


def machine_figures(machine: MachineIdentity) -> dict[str, Series]:
    """What the machine is; its serial number is nobody's business here."""
    if machine == MachineIdentity():
        return {}
    return {
        "machine": {(machine.manufacturer, machine.product, machine.version, machine.family): 1}
    }


def tally_figures(tally: Tally) -> dict[str, float | Series]:
    """Counts of events."""
    lifecycle, agents, crashes, resync = tally
    return {
        "lifecycle_events": {
            (name,): lifecycle[i] for i, name in enumerate(kinds.LIFECYCLE_EVENTS)
        },
        "agent_lifecycle_events": {
            (name,): agents[i] for i, name in enumerate(kinds.AGENT_STATES) if name
        },
        "crashes": crashes,
        "resync_events": resync,
    }


def audit_figures(books: Books) -> dict[str, float | Series]:
    """What the last audit found; nothing before the first."""
    if books.report is None:
        return {}
    return {
        "audit_disagreement": {
            (field,): size for field, size in books.report.differences().items()
        },
        "audit_healed": {(field,): count for field, count in books.healed.items()},
        "audit_timestamp_seconds": books.audited_at,
    }


def object_figures(objects: HostObjects, now_ns: int) -> dict[str, float | Series]:
    """Pools and networks; of what was read long ago only the age, and which pool hangs."""
    hung: Series = {(name,): int(hung) for name, hung in objects.timed_out(now_ns).items()}
    found: dict[str, float | Series] = {
        "pool_timed_out": hung,
        "objects_unread": len(objects.unread),
    }
    if objects.read_ns:
        found["objects_age_seconds"] = (now_ns - objects.read_ns) / 1e9
    if not objects.fresh(now_ns):
        return found
    pools = objects.pools
    return found | {
        "pool_state": {(name,): space.state for name, space in pools.items()},
        "pool_capacity_bytes": {(name,): space.capacity for name, space in pools.items()},
        "pool_allocation_bytes": {(name,): space.allocation for name, space in pools.items()},
        "pool_available_bytes": {(name,): space.available for name, space in pools.items()},
        "network_active": {(name,): int(active) for name, active in objects.networks.items()},
    }
