"""The host's devices: PCI, mediated, network, block … as libvirt lists them."""

from hostmon.choices import chosen
from hostmon.host.connection import Connection
from hostmon.libvirt_errors import constant, translated
from hostmon.xml.nodedev import NodeDevice

# What a device can be, by libvirt's names for its capabilities (virNodeDevCapType).
CAPABILITIES = {
    "system": "SYSTEM",
    "pci": "PCI_DEV",
    "usb_device": "USB_DEV",
    "usb": "USB_INTERFACE",
    "net": "NET",
    "scsi_host": "SCSI_HOST",
    "scsi_target": "SCSI_TARGET",
    "scsi": "SCSI",
    "storage": "STORAGE",
    "fc_host": "FC_HOST",
    "vports": "VPORTS",
    "scsi_generic": "SCSI_GENERIC",
    "drm": "DRM",
    "mdev_types": "MDEV_TYPES",
    "mdev": "MDEV",
    "ccw": "CCW_DEV",
    "css": "CSS_DEV",
    "vdpa": "VDPA",
    "ap_card": "AP_CARD",
    "ap_queue": "AP_QUEUE",
    "ap_matrix": "AP_MATRIX",
    "vpd": "VPD",
}


def pci_name(address: str) -> str:
    """libvirt's name of the PCI device at ``0000:00:1f.2``."""
    return "pci_" + address.replace(":", "_").replace(".", "_")


class HostDevices(Connection):
    """The part of Host that is about its devices. UnsupportedError where the driver has none."""

    @translated("host's devices")
    def devices(self, *capabilities: str) -> tuple[NodeDevice, ...]:
        """The devices that have any of these capabilities (CAPABILITIES), or all.

        Raises ArgumentError for another name, UnsupportedError for one newer than this libvirt.
        """
        flags = 0
        for name in capabilities:
            cap = chosen("capability", name, CAPABILITIES)
            flags |= constant(f"VIR_CONNECT_LIST_NODE_DEVICES_CAP_{cap}", f"devices: {name}")
        found = self.connection.listAllDevices(flags)
        return tuple(NodeDevice.parse(device.XMLDesc(0)) for device in found)

    @translated("device of the host")
    def device(self, name: str) -> NodeDevice:
        """One device by libvirt's name; raises ObjectNotFoundError."""
        return NodeDevice.parse(self.connection.nodeDeviceLookupByName(name).XMLDesc(0))

    def pci_device(self, address: str) -> NodeDevice:
        """The PCI device at an address such as ``0000:00:1f.2``; raises ObjectNotFoundError."""
        return self.device(pci_name(address))

    def pci_devices(self) -> tuple[NodeDevice, ...]:
        """Every PCI device."""
        return self.devices("pci")

    def mediated_devices(self) -> tuple[NodeDevice, ...]:
        """Every mediated device that has been made."""
        return self.devices("mdev")

    def mediated_device_parents(self) -> tuple[NodeDevice, ...]:
        """Every device of which mediated ones can be made; its types tell how many still can."""
        return self.devices("mdev_types")
