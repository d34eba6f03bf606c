"""Guest: one libvirt domain.

Owns what one domain can be asked; holds no policy and reads no settings.
"""

import uuid as uuidlib

import libvirt
import msgspec

from hostmon.libvirt_errors import translated


class GuestFacts(msgspec.Struct, frozen=True):
    """What libvirt says of a guest in a few cheap calls; none of them asks QEMU itself.

    ``state`` and ``reason`` are libvirt's numbers (virDomainGetState), memory is in bytes,
    ``cpu_time_ns`` is 0 for a guest that is not running.
    """

    state: int
    reason: int
    memory_max: int
    memory: int
    vcpus: int
    cpu_time_ns: int
    persistent: bool
    autostart: bool


class Guest:
    """One domain of a :class:`hostmon.host.Host`."""

    def __init__(self, domain: libvirt.virDomain) -> None:
        self._domain = domain

    @property
    def uuid(self) -> uuidlib.UUID:
        """The guest's identity for life."""
        return uuidlib.UUID(bytes=self._domain.UUID())

    @property
    def name(self) -> str:
        """The guest's name, as of when libvirt was asked for this guest."""
        return str(self._domain.name())

    @property
    def id(self) -> int:
        """libvirt's number of the running guest, -1 when it is not running."""
        return int(self._domain.ID())

    @translated("guest's facts")
    def facts(self) -> GuestFacts:
        """Ask for state, sizes and flags; raises GuestNotFoundError when the guest is gone."""
        state, reason = self._domain.state()
        _, memory_max, memory, vcpus, cpu_time = self._domain.info()
        return GuestFacts(
            state=state,
            reason=reason,
            memory_max=memory_max * 1024,
            memory=memory * 1024,
            vcpus=vcpus,
            cpu_time_ns=cpu_time,
            persistent=bool(self._domain.isPersistent()),
            autostart=bool(self._domain.autostart()),
        )

    @translated("guest's XML")
    def xml(self, *, inactive: bool = False) -> str:
        """The guest's description, that of its next start with ``inactive``; without secrets."""
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE if inactive else 0
        return str(self._domain.XMLDesc(flags))
