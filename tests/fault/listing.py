"""What libvirt says of a node's guests, by virsh, and where a view says otherwise."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from hostmon.status import GuestStatus
from tests.lab.node import Node

STATES = {
    "no state": "nostate",
    "running": "running",
    "idle": "blocked",
    "paused": "paused",
    "in shutdown": "shutdown",
    "shut off": "shutoff",
    "crashed": "crashed",
    "pmsuspended": "pmsuspended",
}
"""virsh's words for libvirt's states, and hostmon's."""


@dataclass(frozen=True)
class Listed:
    """One guest, as far as virsh lists it; ``id`` is -1 when it is not active."""

    uuid: str
    id: int
    state: str
    persistent: bool


def listed(node: Node, deadline_s: float = 60.0) -> dict[str, Listed]:
    """Every guest by name, as ``virsh list --all`` has it; names hold no spaces here.

    Clients may define guests between its three lists: those that are not in each are asked again.
    """
    end = time.monotonic() + deadline_s
    while (found := listed_once(node, deadline_s)) is None:
        assert time.monotonic() < end, f"no two lists of guests agreed for {deadline_s:g} s"
    return found


def listed_once(node: Node, deadline_s: float) -> dict[str, Listed] | None:
    """The same, None where two lists name different guests."""
    text = node.run(
        "virsh", "-c", "qemu:///system",
        "list --all; list --all --uuid --name; list --all --persistent --name",
        deadline_s=deadline_s,
    ).stdout  # fmt: skip
    # Each list ends in an empty line; the first begins with a heading and a rule.
    table, uuids, persistent, _ = (part.split("\n") for part in text.split("\n\n"))
    uuid_of = {name: uuid for uuid, name in (line.split() for line in uuids if line)}
    rows = [line.split(None, 2) for line in table[2:]]
    if {name for _, name, _ in rows} != uuid_of.keys():
        return None
    return {
        name: Listed(
            uuid_of[name], -1 if id_ == "-" else int(id_), STATES[state], name in persistent
        )
        for id_, name, state in rows
    }


def differences(libvirt: Mapping[str, Listed], view: Mapping[str, GuestStatus]) -> list[str]:
    """Each guest of which the two say different things, as a person reads it."""
    found = [f"{name}: not in the view" for name in libvirt.keys() - view.keys()]
    found += [f"{name}: only in the view" for name in view.keys() - libvirt.keys()]
    for name in libvirt.keys() & view.keys():
        guest = view[name]
        ours = Listed(guest.uuid, guest.id, str(guest.state), guest.persistent)
        if ours != libvirt[name]:
            found.append(f"{name}: {ours}, libvirt says {libvirt[name]}")
        if guest.presence != "present":
            found.append(f"{name}: {guest.presence}")
    return sorted(found)
