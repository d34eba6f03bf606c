"""``hostmon drivers``: what is installed, why something can't be used, what runs."""

import argparse
import contextlib
from typing import Any

import msgspec

from hostmon.cli.terminal import table
from hostmon.cli.watch import checked
from hostmon.client import status as ask_status
from hostmon.errors import AgentUnreachableError, SettingsError
from hostmon.loader import DriverEntry, find_drivers
from hostmon.settings import default_socket
from hostmon.status import DriverStatus
from hostmon.suggest import suggestion


def run(options: argparse.Namespace) -> int:
    """List, or show one."""
    entries = find_drivers()
    if options.action == "show":
        if options.name not in entries:
            near = suggestion(options.name or "", entries)
            raise SettingsError(
                f"drivers show {options.name or 'NAME'}: {near}installed: {', '.join(entries)}"
            )
        entries = {options.name: entries[options.name]}
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
    """Everything there is to say of one driver."""
    settings = {}
    if entry.driver is not None:
        for field in msgspec.structs.fields(entry.driver.settings_type):
            settings[field.name] = field.default if field.default is not msgspec.NODEFAULT else None
    return {
        "name": entry.name,
        "state": state.state if state else ("refused" if entry.refusal else "not running"),
        "distribution": entry.distribution,
        "summary": entry.summary or entry.refusal,
        "refusal": entry.refusal,
        "settings": settings,
        "handled": state.handled if state else 0,
        "errors": state.errors if state else 0,
    }


def page(described: dict[str, Any]) -> str:
    """One driver for a person."""
    lines = [f"{key:<13}{described[key]}" for key in described if key != "settings"]
    lines.append(f"settings under [drivers.{described['name']}], with their defaults:")
    lines += [f"  {name} = {value!r}" for name, value in described["settings"].items()]
    return "\n".join(lines)
