"""``hostmon drivers``: what is installed, why something can't be used, what runs."""

import argparse
import contextlib
from typing import Any

import msgspec

from hostmon.cli.reach import asked
from hostmon.cli.terminal import table
from hostmon.client import status as ask_status
from hostmon.driver.points import DRIVERS, POINTS
from hostmon.errors import AgentUnreachableError, DriverError, SettingsError
from hostmon.loader import DriverEntry, find_drivers, installed, named
from hostmon.status import DriverStatus


def run(options: argparse.Namespace) -> int:
    """List, or show those of one name, whatever they are for."""
    if options.action == "show" and not options.name:
        raise SettingsError(f"drivers show: name one of {', '.join(find_drivers())}")
    entries = named_entries(options.name) if options.action == "show" else all_entries()
    states: dict[str, DriverStatus] = {}
    with contextlib.suppress(AgentUnreachableError):
        states = {driver.name: driver for driver in ask_status(asked(options), timeout=0.5).drivers}
    described = [
        describe(entry, states.get(entry.name) if entry.point == DRIVERS.name else None)
        for entry in entries
    ]
    if options.json:
        print(msgspec.json.encode(described).decode())
    elif options.action == "show":
        print("\n\n".join(page(one) for one in described))
    else:
        keys = ("name", "point", "state", "distribution", "summary")
        rows = [tuple(one[key] for key in keys) for one in described]
        print(table(("name", "for", "state", "from", "what it does"), rows))
    return 0


def all_entries() -> list[DriverEntry]:
    """Every installed driver of every plug point."""
    return [entry for point in POINTS for entry in find_drivers(point=point).values()]


def named_entries(name: str) -> list[DriverEntry]:
    """The installed drivers of a name; raises SettingsError with the names there are."""
    there = {point.name: installed(point) for point in POINTS}
    try:
        named(name, {known: entry for one in there.values() for known, entry in one.items()})
    except DriverError as error:
        raise SettingsError(str(error)) from None
    return [
        find_drivers([name], point=point)[name] for point in POINTS if name in there[point.name]
    ]


def describe(entry: DriverEntry, state: DriverStatus | None) -> dict[str, Any]:
    """Everything there is to say of one driver: what it declares, and what it does in the agent."""
    idle = "not running" if entry.point == DRIVERS.name else "installed"
    ran: dict[str, Any] = msgspec.to_builtins(state) if state else {}
    return {
        **ran,
        "name": entry.name,
        "point": entry.point,
        "state": state.state if state else ("refused" if entry.refusal else idle),
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
    lines.append(f"settings under [{described['point']}.{described['name']}], with their defaults:")
    lines += [f"  {name} = {value!r}" for name, value in described["settings"].items()]
    return "\n".join(lines)
