"""``hostmon guest``: one guest as libvirt knows it, and what differs between two.

Asks libvirt itself, read-only; no agent needs to run.
"""

import argparse
import uuid
from pathlib import Path
from typing import Any

import msgspec

from hostmon.cli.reach import check_option_uri
from hostmon.cli.terminal import STATE_COLOURS, amount, paint, table
from hostmon.cli.xml import read
from hostmon.errors import GuestNotFoundError, SettingsError
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.printable import printable
from hostmon.suggest import suggestion
from hostmon.xml.common import Device
from hostmon.xml.compare import Difference, compare
from hostmon.xml.disk import Disk
from hostmon.xml.domain import Domain
from hostmon.xml.element import Element
from hostmon.xml.interface import Interface


class Shown(msgspec.Struct):
    """What ``guest show`` tells: sizes in bytes, devices by their stable keys."""

    name: str
    uuid: str
    id: int
    state: str | int
    reason: str | int
    persistent: bool
    autostart: bool
    vcpus: int
    memory: int
    memory_max: int
    cpu_time_ns: int
    devices: dict[str, str]


def run(options: argparse.Namespace) -> int:
    """Show, or compare; 1 where the compared differ."""
    check_option_uri(options.uri)
    return show(options) if options.action == "show" else diff(options)


def show(options: argparse.Namespace) -> int:
    """Print each guest."""
    with Host(options.uri) as host:
        guests = [find(host, name) for name in options.guests]
        if options.xml:
            print("\n".join(guest.xml(inactive=options.inactive) for guest in guests))
            return 0
        shown = [shown_of(guest, inactive=options.inactive) for guest in guests]
    if options.json:
        print(msgspec.json.encode(shown).decode())
    else:
        print("\n\n".join(shown_text(one) for one in shown))
    return 0


def diff(options: argparse.Namespace) -> int:
    """Print every difference between two, or between one now and at its next start."""
    if len(options.guests) > 2:
        raise SettingsError("guest diff: give two guests or files, or one guest")
    left, right = (*options.guests, None)[:2]
    if right is None and is_file(left):
        raise SettingsError(f"guest diff: give a guest or a second file to compare {left} with")
    with Host(options.uri) as host:
        differences = compare(
            described(host, left, inactive=options.inactive),
            described(host, right or left, inactive=options.inactive or right is None),
        )
    if options.json:
        print(msgspec.json.encode([as_json(one) for one in differences]).decode())
    else:
        for one in differences:
            colour = "red" if one.right is None else "green" if one.left is None else "yellow"
            print(paint(printable(str(one)), colour))
    return int(bool(differences))


def as_json(one: Difference) -> dict[str, str | None]:
    """A difference for programs."""
    return {"path": one.path, "left": one.left, "right": one.right}


def is_file(name: str) -> bool:
    """Whether an argument names a file: it has a slash, or is an .xml that is there."""
    return "/" in name or (name.endswith(".xml") and Path(name).exists())


def described(host: Host, name: str, *, inactive: bool) -> Domain:
    """A guest's or a file's description."""
    if is_file(name):
        return Domain.parse(read(name))
    return find(host, name).domain(inactive=inactive)


def find(host: Host, name: str) -> Guest:
    """A guest by uuid or name; raises GuestNotFoundError with the nearest name."""
    try:
        return host.guest(uuid.UUID(name))
    except ValueError:
        pass
    try:
        return host.guest_by_name(name)
    except GuestNotFoundError as error:
        near = suggestion(name, [guest.name for guest in host.list_guests()])
        remedy = near.strip() or "virsh list --all names those it has"
        text = f"{host.uri} has no guest {name!r}; {remedy}"
        raise GuestNotFoundError(text, error.code) from None


def shown_of(guest: Guest, *, inactive: bool) -> Shown:
    """Ask everything that is shown; none of it asks QEMU."""
    facts, state = guest.facts(), guest.state()
    devices = guest.devices(inactive=inactive)
    return Shown(
        name=guest.name,
        uuid=str(guest.uuid),
        id=guest.id,
        state=state.name,
        reason=state.reason,
        persistent=facts.persistent,
        autostart=facts.autostart,
        vcpus=facts.vcpus,
        memory=facts.memory,
        memory_max=facts.memory_max,
        cpu_time_ns=facts.cpu_time_ns,
        devices={key: gist(device) for key, device in devices.items()},
    )


def gist(device: Element) -> str:
    """What matters of a device, on one line."""
    parts: list[Any] = [device.node.get("type"), device.node.get("model")]
    if isinstance(device, Disk) and device.source:
        source = device.source
        parts = [source.file or source.dev or source.name or source.volume or source.dir]
    elif isinstance(device, Interface) and device.source:
        source_of = device.source
        named = source_of.bridge or source_of.network or source_of.dev
        parts = [device.type, named, device.target]
    elif isinstance(device, Device):
        parts.append(device.alias)
    return " ".join(str(part) for part in parts if part)


def shown_text(one: Shown) -> str:
    """One guest for a person."""
    state = paint(str(one.state), STATE_COLOURS.get(str(one.state)))
    running = f", id {one.id}" if one.id > 0 else ""
    kept = "defined" if one.persistent else "until it stops"
    kept += ", starts with the host" if one.autostart else ""
    lines = [
        f"{paint(printable(one.name), 'bold')}  {state} ({one.reason}){running}",
        f"uuid      {one.uuid}",
        f"kept      {kept}",
        f"vcpus     {one.vcpus}",
        f"memory    {amount(one.memory)} of {amount(one.memory_max)}",
        f"cpu time  {one.cpu_time_ns / 1e9:.1f} s",
        "",
        table(("device", ""), list(one.devices.items())),
    ]
    return "\n".join(lines)
