"""Devices of the host, as libvirt lists them: PCI, USB, SCSI, network, storage, mediated, ..."""

from hostmon.xml.common import Named, PciAddress
from hostmon.xml.element import INT, Child, Children, Element, Flag, Value, Values
from hostmon.xml.values import hexadecimal


class IdName(Element):
    """A vendor or product: its number and its name."""

    tag = "product"
    id = Value("@id")
    name = Value(".")


class MdevType(Element):
    """A type of mediated device and how many can still be made."""

    tag = "type"
    key = ("id",)
    id = Value("@id")
    name = Value("name")
    device_api = Value("deviceAPI")
    available_instances = Value("availableInstances", INT)
    # A SCSI device's type is plain text.
    text = Value(".")


class VpdField(Element):
    """A vendor's or system's own field of the vital product data."""

    tag = "vendor_field"
    key = ("index",)
    index = Value("@index")
    value = Value(".")


class VpdFields(Element):
    """Vital product data that can be read, or read and written."""

    tag = "fields"
    key = ("access",)
    access = Value("@access")
    change_level = Value("change_level")
    manufacture_id = Value("manufacture_id")
    part_number = Value("part_number")
    serial_number = Value("serial_number")
    asset_tag = Value("asset_tag")
    vendor_fields = Children("vendor_field", VpdField)
    system_fields = Children("system_field", VpdField)


class IommuGroup(Element):
    """Devices that can only be given away together."""

    tag = "iommuGroup"
    number = Value("@number", INT)
    addresses = Children("address", PciAddress)


class PciLink(Element):
    """A PCI Express link: what it can do (cap), or does (sta)."""

    tag = "link"
    key = ("validity",)
    validity = Value("@validity")
    port = Value("@port", INT)
    speed = Value("@speed")
    width = Value("@width", INT)


class Hardware(Element):
    """The machine, or its firmware."""

    tag = "hardware"
    vendor = Value("vendor")
    version = Value("version")
    serial = Value("serial")
    uuid = Value("uuid")
    release_date = Value("release_date")


class CssAddress(Element):
    """The address of a channel device."""

    tag = "channel_dev_addr"
    cssid = Value("cssid")
    ssid = Value("ssid")
    devno = Value("devno")


class NodeCapability(Element):
    """What a device is, or can besides; ``type`` tells which of the fields apply."""

    tag = "capability"
    key = ("type",)
    type = Value("@type")
    max_count = Value("@maxCount", INT)
    hardware = Child("hardware", Hardware)
    firmware = Child("firmware", Hardware)
    pci_class = Value("class", hexadecimal(6))
    domain = Value("domain", INT)
    # A number on PCI and USB, a name such as scsi for storage.
    bus = Value("bus")
    slot = Value("slot", INT)
    function = Value("function", INT)
    device = Value("device", INT)
    number = Value("number", INT)
    subclass = Value("subclass", INT)
    protocol = Value("protocol", INT)
    description = Value("description")
    product = Child("product", IdName)
    vendor = Child("vendor", IdName)
    iommu_group = Child("iommuGroup", IommuGroup)
    numa_node = Value("numa/@node", INT)
    pci_express = Flag("pci-express")
    pci_links = Children("pci-express/link", PciLink)
    interface = Value("interface")
    link_speed = Value("link/@speed", INT)
    link_state = Value("link/@state")
    features = Values("feature/@name")
    host = Value("host", INT)
    unique_id = Value("unique_id", INT)
    target = Value("target")
    lun = Value("lun", INT)
    rport = Value("rport")
    wwnn = Value("wwnn")
    wwpn = Value("wwpn")
    fabric_wwn = Value("fabric_wwn")
    max_vports = Value("max_vports", INT)
    vports = Value("vports", INT)
    block = Value("block")
    char = Value("char")
    drive_type = Value("drive_type")
    model = Value("model")
    serial = Value("serial")
    size = Value("size", INT)
    media_available = Value("media_available", INT)
    media_size = Value("media_size", INT)
    media_label = Value("media_label")
    logical_block_size = Value("logical_block_size", INT)
    num_blocks = Value("num_blocks", INT)
    types = Children("type", MdevType)
    uuid = Value("uuid")
    parent_addr = Value("parent_addr")
    attrs = Children("attr", Named)
    cssid = Value("cssid")
    ssid = Value("ssid")
    devno = Value("devno")
    channel_dev_addr = Child("channel_dev_addr", CssAddress)
    chardev = Value("chardev")
    ap_adapter = Value("ap-adapter")
    ap_domain = Value("ap-domain")
    addresses = Children("address", PciAddress)
    mac = Value("address")
    name = Value("name")
    vpd_fields = Children("fields", VpdFields)
    capabilities: Children["NodeCapability"] = Children("capability")


class Devnode(Element):
    """A file in /dev that is the device, or a link to it."""

    tag = "devnode"
    type = Value("@type")
    path = Value(".")


class NodeDevice(Element):
    """A device of the host; known by its name."""

    tag = "device"
    name = Value("name")
    path = Value("path")
    devnodes = Children("devnode", Devnode)
    parent = Value("parent")
    parent_wwnn = Value("parent/@wwnn")
    parent_wwpn = Value("parent/@wwpn")
    parent_fabric_wwn = Value("parent/@fabric_wwn")
    driver = Value("driver/name")
    capabilities = Children("capability", NodeCapability)
