"""What is asked of a vif driver: an interface of one type, in plain values.

A type of its own for each type of interface, told apart by ``type`` where they cross as bytes.
Fields that a newer version adds are ignored, those that an older one lacks have their defaults.
"""

import re
from typing import Literal, TypeAlias

import msgspec

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_DEVICE = re.compile(r"[^\s/]{1,15}")
_PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")


def _check(name: str, value: str | None, pattern: re.Pattern[str], remedy: str) -> None:
    if value is not None and (not pattern.fullmatch(value) or value in {".", ".."}):
        raise ValueError(f"{name} = {value!r}: {remedy}")


def check_device(name: str, value: str | None) -> None:
    """Raise ValueError unless ``value`` can name an interface of the host (IFNAMSIZ)."""
    _check(name, value, _DEVICE, "an interface's name has 1 to 15 characters, no space, no slash")


class Filter(msgspec.Struct, frozen=True):
    """A network filter that the interface refers to, with the parameters it is given."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """What a firewall driver is told of an interface that it is to filter.

    ``addresses`` are the guest's; () lets libvirt learn one. ``dhcp_servers`` are those whose
    answers the guest may take; () is any.
    """

    mac: str
    v: int = 1
    addresses: tuple[str, ...] = ()
    dhcp_servers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check("mac", self.mac, _MAC, "write six pairs such as 52:54:00:12:34:56, in lower case")


class Vif(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What interfaces of all types have.

    ``mtu`` is in bytes; None leaves it to libvirt. ``queues`` above 1 need a guest that uses them.
    ``vlan`` is a tag that the switch puts on the guest's frames.
    """

    mac: str
    v: int = 1
    model: str = "virtio"
    mtu: int | None = None
    queues: int | None = None
    vlan: int | None = None
    filter: Filter | None = None
    boot_order: int | None = None

    def __post_init__(self) -> None:
        _check("mac", self.mac, _MAC, "write six pairs such as 52:54:00:12:34:56, in lower case")
        if int(self.mac[1], 16) & 1:
            raise ValueError(f"mac = {self.mac!r}: is a group's; the second digit must be even")
        for name, least, most in (("mtu", 68, 65535), ("queues", 1, 256), ("vlan", 1, 4094)):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} = {value!r}: give {least} to {most}")
        for name in ("bridge", "device", "target"):
            check_device(name, getattr(self, name, None))


class BridgeVif(Vif, frozen=True, kw_only=True, tag="bridge"):
    """Joined to a Linux bridge of the host; ``target`` names the host's end."""

    bridge: str
    target: str | None = None


class OvsVif(Vif, frozen=True, kw_only=True, tag="ovs"):
    """Joined to a bridge of Open vSwitch, as the port that the network's controller expects."""

    bridge: str
    interface_id: str
    target: str | None = None


class DirectVif(Vif, frozen=True, kw_only=True, tag="direct"):
    """Joined by macvtap to an interface of the host."""

    device: str
    mode: Literal["bridge", "vepa", "private", "passthrough"] = "bridge"


class EthernetVif(Vif, frozen=True, kw_only=True, tag="ethernet"):
    """A tap of the host named ``target``; who is joined to it is the host's affair.

    With ``bridge`` the driver joins it to that bridge.
    """

    target: str
    bridge: str | None = None


class NetworkVif(Vif, frozen=True, kw_only=True, tag="network"):
    """Joined to one of libvirt's networks."""

    network: str
    portgroup: str | None = None


class HostdevVif(Vif, frozen=True, kw_only=True, tag="hostdev"):
    """A PCI network device (a virtual function) given to the guest, such as ``0000:3b:02.1``.

    ``managed`` lets libvirt take it from the host's driver and give it back.
    """

    address: str
    managed: bool = True

    def __post_init__(self) -> None:
        Vif.__post_init__(self)
        _check("address", self.address, _PCI, "write domain:bus:slot.function as 0000:3b:02.1")


class VhostuserVif(Vif, frozen=True, kw_only=True, tag="vhostuser"):
    """A socket of a switch in user space; the guest's memory must be shared.

    ``mode`` is the guest's side: ``client`` connects to the switch, ``server`` waits for it.
    """

    path: str
    mode: Literal["client", "server"] = "client"

    def __post_init__(self) -> None:
        Vif.__post_init__(self)
        if not self.path.startswith("/"):
            raise ValueError(f"path = {self.path!r}: give an absolute path")


class UserVif(Vif, frozen=True, kw_only=True, tag="user"):
    """QEMU's own network without the host's help: the guest gets out, nobody gets in."""


AnyVif: TypeAlias = (
    BridgeVif | OvsVif | DirectVif | EthernetVif | NetworkVif | HostdevVif | VhostuserVif | UserVif
)
"""An interface of any type, as bytes decode to it."""


def type_of(vif: Vif) -> str:
    """The type's name, as in ``type`` and in a driver's capabilities."""
    return str(type(vif).__struct_config__.tag)
