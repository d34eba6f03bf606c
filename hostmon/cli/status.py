"""``hostmon status``: the state of a running agent."""

import argparse
import time
from collections.abc import Callable, Iterable

import msgspec

from hostmon.account import FilesystemAccount, HostAccount, Resource
from hostmon.cli.reach import asked
from hostmon.cli.terminal import STATE_COLOURS, duration, paint
from hostmon.client import status as ask_status
from hostmon.status import AgentStatus, ClaimsStatus, GateStatus

KEY = 10
"""Where values begin."""


def run(options: argparse.Namespace) -> int:
    """Ask, print."""
    status = ask_status(asked(options))
    print(msgspec.json.encode(status).decode() if options.json else page(status))
    return 0


def page(status: AgentStatus) -> str:
    """What a person wants to know first."""
    connection = paint(status.connection, STATE_COLOURS.get(status.connection))
    published = sum(kind.count for kind in status.kinds if kind.kind != "heartbeat")
    lines = {
        "host": status.host,
        "libvirt": f"{connection}  {status.connection_reason}",
        "guests": f"{status.guests}, {status.running} running"
        + (f", {status.reading.stuck} do not answer" if status.reading.stuck else ""),
        **(account_lines(status.account) if status.account else {}),
        **({"images": filesystems(status.filesystems)} if status.filesystems else {}),
        "claims": claims(status.claims),
        "audit": audit(status),
        "events": f"{published} published, {status.lost_records} lost to overflow",
        "sequence": ", ".join(f"{c.name} {c.sequence}" for c in status.classes),
        "agent": f"version {status.version}, pid {status.pid}, up {duration(status.uptime)}",
        "bus": ", ".join(status.events_addresses),
        "peers": peers(status.gate),
        "pages": ", ".join(status.web_addresses) or "-",
        "drivers": ", ".join(
            f"{d.name} {paint(d.state, STATE_COLOURS.get(d.state))}" for d in status.drivers
        ),
    }
    lacking = list(status.reading.denied)
    if status.reading.barred:
        lacking.append(f"processes of guests ({status.reading.barred})")
    if lacking:
        lines["lacks"] = f"permission to read {', '.join(lacking)}"
    return "\n".join(f"{paint(f'{key:<{KEY}}', 'bold')}{value}" for key, value in lines.items())


def account_lines(account: HostAccount) -> dict[str, str]:
    """The three resources; sizes in powers of 1024."""
    return {
        "vcpus": resource(account.vcpus, str),
        "memory": resource(account.memory, size),
        "disk": disk(account),
    }


def disk(account: HostAccount) -> str:
    """The disk's part: of local filesystems, of which a host may have none that holds images."""
    if not account.surveyed_ns:
        return "not looked at"
    if not account.disk.total:
        return "none known on local filesystems"
    least = account.disk_available_least
    return (
        f"{size(account.disk.used)} of {size(account.disk.total)} used, "
        f"{size(account.disk.allocated)} allocated, "
        + ("available least unknown" if least is None else f"{size(least)} available least")
    )


def filesystems(found: Iterable[FilesystemAccount]) -> str:
    """Each on a line of its own."""
    return f"\n{' ' * KEY}".join(filesystem(one) for one in found)


def filesystem(one: FilesystemAccount) -> str:
    """Where images are, and what room they leave there."""
    kind = f" ({one.type}{', shared' if one.shared else ''})" if one.type else ""
    unknown = f", {one.unknown} of {one.images} images unknown" if one.unknown else ""
    if not one.path:
        return f"without a place{unknown}"
    if one.available is None or one.total is None:
        return f"{one.path}{kind}: no answer{unknown}"
    least = one.available_least
    return (
        f"{one.path}{kind}: {size(one.available)} of {size(one.total)} available, "
        f"images may grow by {size(one.growth)}{unknown}"
        + ("" if least is None else f", {size(least)} available least")
    )


def resource(one: Resource, text: Callable[[int], str]) -> str:
    """What is used, free and claimed of a resource."""
    held = f" ({text(one.held)} held)" if one.held else ""
    claimed = f", {text(one.claimed)} claimed" if one.claimed else ""
    ratio = f" x {one.allocation_ratio:g}" if one.allocation_ratio != 1 else ""
    kept = f", {text(one.reserved)} reserved" if one.reserved else ""
    return (
        f"{text(one.used)}{held} of {text(one.total)}{ratio} used{claimed}, "
        f"{text(one.free)} free{kept}, "
        f"{text(one.allocated)} allocated"
    )


def size(number: int) -> str:
    """Bytes for people."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} TiB"


def claims(counts: ClaimsStatus) -> str:
    """What schedulers hold, and what became of their claims."""
    return (
        f"{counts.outstanding} outstanding; {counts.granted} granted, {counts.confirmed} confirmed,"
        f" {counts.expired} expired, {counts.released} released, {counts.refused} refused"
    )


def audit(status: AgentStatus) -> str:
    """When the account was last held against libvirt's list, and what was ever wrong."""
    if not status.audited_at:
        return "none yet"
    wrong = ", ".join(f"{field} {count}" for field, count in status.healed.items() if count)
    return (
        f"{duration(max(0.0, time.time() - status.audited_at))} ago, healed: {wrong or 'nothing'}"
    )


def peers(gate: GateStatus) -> str:
    """Who is connected, and what came that should not."""
    here = ", ".join(f"{door.name} {door.peers}" for door in gate.doors)
    failed = (
        gate.crowded_out + gate.stalled + gate.cut_off + sum(door.failed for door in gate.doors)
    )
    return f"{here}; {failed} turned away"
