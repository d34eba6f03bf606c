"""``hostmon drivers``: what is installed, why something can't be used, what runs."""

import argparse
import contextlib
from typing import Any

import msgspec

from hostmon.cli.terminal import table
from hostmon.cli.watch import checked
from hostmon.client import status as ask_status
from hostmon.errors import AgentUnreachableError, DriverError, SettingsError
from hostmon.loader import DriverEntry, find_drivers
from hostmon.settings import default_socket
from hostmon.status import DriverStatus


def run(options: argparse.Namespace) -> int:
    """List, or show one."""
    if options.action == "show" and not options.name:
        raise SettingsError(f"drivers show: name one of {', '.join(find_drivers())}")
    try:
        entries = find_drivers([options.name] if options.action == "show" else None)
    except DriverError as error:
        raise SettingsError(str(error)) from None
    states: dict[str, DriverStatus] = {}
    with contextlib.suppress(AgentUnreachableError):
        address = checked(options.requests or default_socket("requests.sock"))
        states = {driver.name: driver for driver in ask_status(address, timeout=0.5).drivers}
    described = [describe(entry, states.get(name)) for name, entry in entries.items()]
    if options.json:
        print(msgspec.json.encode(described).decode())
    elif options.action == "show":
        print(page(described[0]))
    else:
        rows = [(d["name"], d["state"], d["distribution"], d["summary"]) for d in described]
        print(table(("name", "state", "from", "what it does"), rows))
    return 0


def describe(entry: DriverEntry, state: DriverStatus | None) -> dict[str, Any]:
    """Everything there is to say of one driver: what it declares, and what it does in the agent."""
    ran: dict[str, Any] = msgspec.to_builtins(state) if state else {}
    return {
        **ran,
        "name": entry.name,
        "state": state.state if state else ("refused" if entry.refusal else "not running"),
        "distribution": entry.distribution,
        "summary": entry.summary or entry.refusal,
        "refusal": entry.refusal,
        "api_version": entry.api_version,
        "capabilities": msgspec.to_builtins(entry.capabilities),
        "settings": entry.settings,
    }


def page(described: dict[str, Any]) -> str:
    """One driver for a person."""
    lines = [
        f"{key:<13}{value}"
        for key, value in described.items()
        if key not in {"settings", "capabilities"} and value not in {"", None}
    ]
    declared = (f"{key}={value!r}" for key, value in described["capabilities"].items())
    lines.append(f"{'declares':<13}{', '.join(declared)}")
    lines.append(f"settings under [drivers.{described['name']}], with their defaults:")
    lines += [f"  {name} = {value!r}" for name, value in described["settings"].items()]
    return "\n".join(lines)
