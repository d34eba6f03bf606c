"""``hostmon status``: the state of a running agent."""

import argparse

import msgspec

from hostmon.cli.terminal import STATE_COLOURS, duration, paint
from hostmon.cli.watch import checked
from hostmon.client import status as ask_status
from hostmon.settings import default_socket
from hostmon.status import AgentStatus


def run(options: argparse.Namespace) -> int:
    """Ask, print."""
    status = ask_status(checked(options.requests or default_socket("requests.sock")))
    print(msgspec.json.encode(status).decode() if options.json else page(status))
    return 0


def page(status: AgentStatus) -> str:
    """What a person wants to know first."""
    connection = paint(status.connection, STATE_COLOURS.get(status.connection))
    published = sum(kind.count for kind in status.kinds if kind.kind != "heartbeat")
    lines = {
        "host": status.host,
        "libvirt": f"{connection}  {status.connection_reason}",
        "guests": f"{status.guests}, {status.running} running",
        "events": f"{published} published, {status.lost_records} lost to overflow",
        "sequence": ", ".join(f"{c.name} {c.sequence}" for c in status.classes),
        "agent": f"version {status.version}, pid {status.pid}, up {duration(status.uptime)}",
        "bus": ", ".join(status.events_addresses),
        "pages": ", ".join(status.web_addresses) or "-",
        "drivers": ", ".join(
            f"{d.name} {paint(d.state, STATE_COLOURS.get(d.state))}" for d in status.drivers
        ),
    }
    return "\n".join(f"{paint(f'{key:<10}', 'bold')}{value}" for key, value in lines.items())
