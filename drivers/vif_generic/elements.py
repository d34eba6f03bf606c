"""The ``<interface>`` of each type, by the names of their types."""

from collections.abc import Callable
from typing import Any

from hostmon.points import (
    BridgeVif,
    DirectVif,
    EthernetVif,
    HostdevVif,
    NetworkVif,
    OvsVif,
    UserVif,
    VhostuserVif,
    interface_for,
)
from hostmon.xml.common import Address
from hostmon.xml.interface import Interface
from hostmon.xml.netparts import VirtualPort


def bridge(vif: BridgeVif) -> Interface:
    """libvirt makes a tap and joins it to the bridge."""
    interface = interface_for(vif, "bridge", bridge=vif.bridge)
    interface.target = vif.target
    return interface


def ovs(vif: OvsVif) -> Interface:
    """libvirt makes a tap and tells Open vSwitch whose port it is."""
    interface = interface_for(vif, "bridge", bridge=vif.bridge)
    interface.virtualport = VirtualPort(type="openvswitch", interfaceid=vif.interface_id)
    interface.target = vif.target
    return interface


def direct(vif: DirectVif) -> Interface:
    """libvirt makes a macvtap on the device."""
    return interface_for(vif, "direct", dev=vif.device, mode=vif.mode)


def ethernet(vif: EthernetVif) -> Interface:
    """The tap is there already; libvirt neither makes nor configures it."""
    interface = interface_for(vif, "ethernet")
    interface.target, interface.target_managed = vif.target, False
    return interface


def network(vif: NetworkVif) -> Interface:
    """What it is joined to stands in the network's own description."""
    return interface_for(vif, "network", network=vif.network, portgroup=vif.portgroup)


def hostdev(vif: HostdevVif) -> Interface:
    """The device itself; its address is set to the vif's."""
    domain, bus, rest = vif.address.split(":")
    slot, function = rest.split(".")
    address = Address(
        type="pci",
        domain=int(domain, 16),
        bus=int(bus, 16),
        slot=int(slot, 16),
        function=int(function, 16),
    )
    interface = interface_for(vif, "hostdev", address=address)
    interface.managed = vif.managed
    return interface


def vhostuser(vif: VhostuserVif) -> Interface:
    """A socket between QEMU and the switch."""
    return interface_for(vif, "vhostuser", type="unix", path=vif.path, mode=vif.mode)


def user(vif: UserVif) -> Interface:
    """Nothing of the host."""
    return interface_for(vif, "user")


ELEMENTS: dict[str, Callable[[Any], Interface]] = {
    "bridge": bridge,
    "ovs": ovs,
    "direct": direct,
    "ethernet": ethernet,
    "network": network,
    "hostdev": hostdev,
    "vhostuser": vhostuser,
    "user": user,
}
