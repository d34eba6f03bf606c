"""What a guest's XML refers to of this host's files: every image with its format, every path.

The opposite of an account: here nothing is left out, since what is left out may be removed.
"""

import re
from collections.abc import Callable

import msgspec

from hostmon.images.declared import format_of, path_of
from hostmon.xml.disk import Disk
from hostmon.xml.domain import Domain

Resolve = Callable[[str, str], str | None]
"""The path of a pool's volume by the names of both, None where nobody knows it."""

# A path in the middle of a value, as in QEMU's own arguments: file=/images/a.qcow2,if=none
_PATH = re.compile(r"/[^\s,;='\"]+")


class References(msgspec.Struct, frozen=True, kw_only=True):
    """One guest's.

    ``images`` are disks with the format they are declared to have; ``written`` are those of them
    that the guest writes. ``named`` is every path in its XML, wherever it stands. ``unknown`` tells
    of disks whose place on this host is not known.
    """

    guest: str
    images: tuple[tuple[str, str], ...] = ()
    written: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


def references_of(domain: Domain, resolve: Resolve = lambda _pool, _volume: None) -> References:
    """What one description refers to; a running guest has a second one, of its next start."""
    images: dict[tuple[str, str], None] = {}
    written: dict[str, None] = {}
    unknown: list[str] = []
    for disk in domain.disks:
        path = place_of(disk, resolve)
        if path is None:
            if disk.source is not None and disk.type != "network":
                unknown.append(f"disk {disk.target_dev}, of type {disk.type}")
            continue
        images[path, format_of(disk)] = None
        if not disk.readonly and disk.device in {None, "disk", "lun"}:
            written[path] = None
    return References(
        guest=domain.name or "",
        images=tuple(images),
        written=tuple(written),
        named=frozenset(paths_in(domain)),
        unknown=tuple(unknown),
    )


def place_of(disk: Disk, resolve: Resolve) -> str | None:
    """Where a disk lies on this host, a pool's volume included; None if not there, or unknown."""
    source = disk.source
    if disk.type == "volume" and source is not None:
        return resolve(source.pool or "", source.volume or "")
    return path_of(disk)


def paths_in(domain: Domain) -> set[str]:
    """Every absolute path that stands anywhere in a description."""
    found: set[str] = set()
    for node in domain.node.iter():
        for value in (node.text, node.tail, *node.attrib.values()):
            text = str(value or "").strip()
            if "/" in text:
                found.update((text,) if text.startswith("/") else ())
                found.update(_PATH.findall(text))
    return found
