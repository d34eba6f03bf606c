"""A guest's network interfaces at work."""

import msgspec

from hostmon.guest.handle import Handle, asks


class InterfaceStats(msgspec.Struct, frozen=True):
    """Counters as the guest sees them: ``rx`` is what it received. None: not counted."""

    rx_bytes: int | None
    rx_packets: int | None
    rx_errors: int | None
    rx_drops: int | None
    tx_bytes: int | None
    tx_packets: int | None
    tx_errors: int | None
    tx_drops: int | None


class Interfaces(Handle):
    """The part of Guest that is about its interfaces at work."""

    @asks("interface statistics")
    def interface_stats(self, interface: str) -> InterfaceStats:
        """An interface's counters, by MAC address or by the host's name for it (``vnet0``).

        Source: virDomainInterfaceStats; does not ask QEMU. Raises GuestStateError when the guest is
        off, LibvirtError for an interface it does not have or, for one without a device of the host
        (type user), cannot count.
        """
        counters = self._domain.interfaceStats(interface)
        return InterfaceStats(*(None if number < 0 else number for number in counters))
