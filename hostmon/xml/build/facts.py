"""What the builders ask of a host, and how they say no.

Anything that answers these two questions will do: a connection, or recorded documents in a test.
"""

from collections.abc import Iterable
from typing import NoReturn, Protocol

from hostmon.errors import RequestRefusedError
from hostmon.xml.capabilities import Capabilities, DomainType, GuestArch
from hostmon.xml.domaincaps import DomainCapabilities, Supported


class Facts(Protocol):
    """The host's side of the conversation."""

    def capabilities(self) -> Capabilities:
        """What the host is and can run (virConnectGetCapabilities)."""
        ...

    def domain_capabilities(
        self, *, arch: str, machine: str, virt_type: str
    ) -> DomainCapabilities:
        """What guests of this sort can have (virConnectGetDomainCapabilities)."""
        ...


def refuse(what: str, value: object, why: str, instead: str) -> NoReturn:
    """Raise the one error of the builders: the thing, the value, why not, and what to ask for."""
    raise RequestRefusedError(f"{what}: {value!r} {why}; {instead}")


def choose(what: str, value: str, offered: Iterable[str]) -> str:
    """The value if the host offers it; where the host offers nothing at all it says nothing."""
    words = list(offered)
    if words and value not in words:
        refuse(what, value, "is not offered by this host", f"choose one of {', '.join(words)}")
    return value


def choose_device(what: str, value: str, support: Supported | None, attribute: str) -> str:
    """The value if the host's emulator has such a device; older ones list fewer devices."""
    if support is None:
        return value
    if support.supported is False:
        refuse(what, value, "needs a device this emulator lacks", "leave it out")
    return choose(what, value, support.choices(attribute))


def architecture(host: Capabilities, arch: str) -> GuestArch:
    """The architecture as the host knows it; raises RequestRefusedError."""
    known = [guest.arch for guest in host.guests if guest.os_type == "hvm" and guest.arch]
    for candidate in known:
        if candidate.name == arch:
            return candidate
    names = ", ".join(str(one.name) for one in known) or "none: install qemu-system"
    refuse("arch", arch, "cannot be run by this host", f"choose one of {names}")


def accelerated(arch: GuestArch, virt_type: str | None) -> DomainType:
    """The way to run it: the one asked for, or KVM where it works, else emulation."""
    ways = {str(domain.type): domain for domain in arch.domains}
    if virt_type is None:
        virt_type = "kvm" if "kvm" in ways else "qemu"
    if virt_type not in ways:
        hint = "make /dev/kvm accessible, or " if virt_type == "kvm" else ""
        names = ", ".join(ways) or "another host"
        refuse("type", virt_type, "does not work on this host", f"{hint}choose {names}")
    return ways[virt_type]
