"""The filters themselves, as libvirt's XML: the base ones, and that of one guest's port.

``out`` is what the guest sends. A rule that returns leaves the packet to the filters that follow.
Source: libvirt's "Network Filters" (formatnwfilter).
"""

import re
import uuid

from hostmon.xml.netparts import FilterRef
from hostmon.xml.nodes import new_node
from hostmon.xml.nwfilter import Match, NwFilter, Rule

MAC, IP, ARP, DHCP = "no-mac-spoofing", "no-ip-spoofing", "no-arp-spoofing", "allow-dhcp-server"
_PREFIX = "hostmon-instance-"
_OWN = re.compile(rf"{_PREFIX}(?P<guest>[0-9a-f-]{{36}})-[0-9a-f]{{12}}")


def rule(action: str, direction: str, priority: int, about: str, /, **match: str) -> Rule:
    """One rule about packets of one protocol."""
    what = Match.wrap(new_node(about))
    for name, value in match.items():
        setattr(what, name, value)
    return Rule(action=action, direction=direction, priority=priority, matches=[what])


def base_filters() -> tuple[NwFilter, ...]:
    """What every guest's own filter refers to; the guest's variables are MAC, IP, DHCPSERVER."""
    return (
        NwFilter(
            name=MAC,
            chain="mac",
            priority=-800,
            entries=[
                rule("return", "out", 100, "mac", srcmacaddr="$MAC"),
                rule("drop", "out", 1000, "mac"),
            ],
        ),
        NwFilter(
            name=IP,
            chain="ipv4-ip",
            priority=-710,
            entries=[
                # A guest that asks for its first address has none yet.
                rule("return", "out", 100, "ip", srcipaddr="0.0.0.0", protocol="udp"),
                rule("return", "out", 500, "ip", srcipaddr="$IP"),
                rule("drop", "out", 1000, "ip"),
            ],
        ),
        NwFilter(
            name=ARP,
            chain="arp",
            priority=-500,
            entries=[
                # An iterator of its own for IP: with one, both lists would have to be as long.
                rule("return", "out", 100, "arp", arpsrcmacaddr="$MAC", arpsrcipaddr="$IP[@1]"),
                rule("drop", "out", 1000, "arp"),
            ],
        ),
        NwFilter(
            name=DHCP,
            chain="ipv4",
            priority=-700,
            entries=[
                rule(
                    "accept", "out", 100, "ip", srcipaddr="0.0.0.0", dstipaddr="255.255.255.255",
                    protocol="udp", srcportstart="68", dstportstart="67",
                ),
                rule(
                    "accept", "in", 100, "ip", srcipaddr="$DHCPSERVER",
                    protocol="udp", srcportstart="67", dstportstart="68",
                ),
            ],
        ),
    )  # fmt: skip


def instance_filter(guest: uuid.UUID, mac: str, *, dhcp: bool) -> NwFilter:
    """A port's own filter: nothing but references to the base filters."""
    names = (MAC, IP, ARP, *((DHCP,) if dhcp else ()))
    return NwFilter(
        name=instance_name(guest, mac),
        chain="root",
        entries=[FilterRef(filter=name) for name in names],
    )


def instance_name(guest: uuid.UUID, mac: str) -> str:
    """The name of a port's own filter; whose it is can be read from it."""
    return f"{_PREFIX}{guest}-{mac.replace(':', '')}"


def owner(name: str) -> uuid.UUID | None:
    """The guest whose own filter has this name; None for every other filter."""
    match = _OWN.fullmatch(name)
    try:
        return uuid.UUID(match["guest"]) if match else None
    except ValueError:
        return None
