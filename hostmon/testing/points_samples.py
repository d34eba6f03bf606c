"""One sample of each type of vif and volume, and a guest that refuses whatever it is asked."""

import uuid
from typing import Any, NoReturn

from hostmon.points import (
    BlockVolume,
    BridgeVif,
    DirectVif,
    EthernetVif,
    FileVolume,
    Filter,
    HostdevVif,
    NetworkVif,
    NetworkVolume,
    OvsVif,
    StorageServer,
    UserVif,
    VhostuserVif,
    Vif,
    Volume,
)

MAC = "52:54:00:12:34:56"
_UUID = uuid.UUID("6f3a2b1c-0d4e-4f5a-8b6c-7d8e9f0a1b2c")


def sample_vifs() -> dict[str, Vif]:
    """By type."""
    return {
        "bridge": BridgeVif(mac=MAC, bridge="br0", target="tap0", mtu=1400, queues=2),
        "ovs": OvsVif(mac=MAC, bridge="br-int", interface_id=str(_UUID), vlan=42),
        "direct": DirectVif(mac=MAC, device="eth0", mode="vepa"),
        "ethernet": EthernetVif(mac=MAC, target="tap0", bridge="br0"),
        "network": NetworkVif(
            mac=MAC,
            network="default",
            portgroup="web",
            filter=Filter("clean-traffic", (("IP", "192.0.2.7"),)),
        ),
        "hostdev": HostdevVif(mac=MAC, address="0000:3b:02.1", vlan=7),
        "vhostuser": VhostuserVif(mac=MAC, path="/run/switch.sock", mode="server"),
        "user": UserVif(mac=MAC, model="e1000", boot_order=1),
    }


def sample_volumes() -> dict[str, Volume]:
    """By type."""
    return {
        "file": FileVolume(target="vdb", path="/images/a.qcow2", format="qcow2", serial="1"),
        "block": BlockVolume(target="sda", bus="scsi", path="/dev/vg/a", cache="none"),
        "network": NetworkVolume(
            target="vdc",
            protocol="rbd",
            name="pool/image",
            servers=(StorageServer("mon", 6789),),
            user="cinder",
            secret=_UUID,
        ),
    }


class GuestStub:
    """A guest without devices that answers every act with ``error``."""

    def __init__(self, error: Exception) -> None:
        self.uuid = _UUID
        self.name = "stub"
        self._error = error

    def interfaces(self, *, inactive: bool = False) -> dict[str, Any]:
        """None."""
        del inactive
        return {}

    disks = interfaces

    def is_active(self) -> bool:
        """It runs."""
        return True

    def _refuse(self, *arguments: object, **options: object) -> NoReturn:
        del arguments, options
        raise self._error

    attach = detach = update = domain = devices = device = _refuse
