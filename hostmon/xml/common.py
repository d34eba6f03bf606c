"""Parts that many elements share: sizes, switches, addresses, what every device has."""

from hostmon.errors import XMLError
from hostmon.xml.element import HEX1, HEX4, INT, ON_OFF, Child, Children, Element, Value
from hostmon.xml.nodes import line_of
from hostmon.xml.values import INT_OR_HEX, UNITS, hexadecimal


class Size(Element):
    """An amount of memory or disk with its unit; a bare number counts ``default_unit``."""

    tag = "size"
    default_unit = "KiB"
    value = Value(".", INT)
    unit = Value("@unit")

    @classmethod
    def of_bytes(cls, number: int) -> "Size":
        """The size in the largest binary unit, up to KiB, that divides it."""
        return (
            cls(unit="KiB", value=number >> 10)
            if number % 1024 == 0
            else cls(unit="b", value=number)
        )

    @property
    def bytes(self) -> int:
        """The amount in bytes, as libvirt's virScaleInteger computes it; 0 where it is empty."""
        unit = self.unit or self.default_unit
        if unit.lower() not in UNITS:
            line = line_of(self.node)
            raise XMLError(
                f"{self.node.tag}/@unit: {unit!r} is no unit (line {line}); write KiB, MiB or GiB",
                line,
            )
        return (self.value or 0) * UNITS[unit.lower()]


class ByteSize(Size):
    """A size whose bare number counts bytes."""

    default_unit = "b"


class Toggle(Element):
    """A feature with a state; present without one, it is on."""

    tag = "toggle"
    state = Value("@state", ON_OFF)


class PlugNumber(Value[int]):
    """A part of an address, as libvirt writes it: hexadecimal on PCI, decimal on other buses."""

    def __init__(self, path: str, digits: int) -> None:
        super().__init__(path, INT_OR_HEX)
        self.pci = hexadecimal(digits)

    def format(self, obj: Element, value: int) -> str:  # noqa: D102
        kind = obj.node.get("type", "pci" if "domain" in obj.node.attrib else "")
        return (self.pci if kind == "pci" else INT).write(value)


class PciAddress(Element):
    """Where a PCI device is: domain, bus, slot and function."""

    tag = "address"
    type = Value("@type")
    domain = Value("@domain", HEX4)
    bus = PlugNumber("@bus", 2)
    slot = PlugNumber("@slot", 2)
    function = Value("@function", HEX1)


class Address(PciAddress):
    """Where a device is plugged in; ``type`` tells which of the fields apply."""

    multifunction = Value("@multifunction", ON_OFF)
    zpci_uid = Value("zpci/@uid", HEX4)
    zpci_fid = Value("zpci/@fid", hexadecimal(8))
    controller = Value("@controller", INT)
    target = Value("@target", INT)
    unit = Value("@unit", INT)
    port = Value("@port")
    device = Value("@device", INT)
    cssid = Value("@cssid")
    ssid = Value("@ssid")
    devno = Value("@devno")
    reg = Value("@reg")
    iobase = Value("@iobase")
    irq = Value("@irq")
    base = Value("@base")
    uuid = Value("@uuid")


class Device(Element):
    """What every device of a guest may have besides its own fields."""

    alias = Value("alias/@name")
    acpi_index = Value("acpi/@index", INT)
    address = Child("address", Address)


class VirtioDriver(Element):
    """The options of every virtio device's driver."""

    tag = "driver"
    iommu = Value("@iommu", ON_OFF)
    ats = Value("@ats", ON_OFF)
    packed = Value("@packed", ON_OFF)
    page_per_vq = Value("@page_per_vq", ON_OFF)


class DeviceSeclabel(Element):
    """How one image or socket is labelled for a security driver."""

    tag = "seclabel"
    key = ("model",)
    model = Value("@model")
    relabel = Value("@relabel")
    labelskip = Value("@labelskip")
    label = Value("label")


class Reconnect(Element):
    """Whether, and after how many seconds, a socket is opened again."""

    tag = "reconnect"
    enabled = Value("@enabled")
    timeout = Value("@timeout", INT)


class Named(Element):
    """An element that is only a name, or a name with a value."""

    tag = "name"
    key = ("name",)
    name = Value("@name")
    value = Value("@value")
    text = Value(".")


class Sibling(Element):
    """The distance to one NUMA cell, 10 for the cell itself."""

    tag = "sibling"
    key = ("id",)
    id = Value("@id", INT)
    value = Value("@value", INT)


class MemoryCache(Element):
    """A cache on the memory's side, of a NUMA cell."""

    tag = "cache"
    key = ("level",)
    level = Value("@level", INT)
    associativity = Value("@associativity")
    policy = Value("@policy")
    size = Value("size/@value", INT)
    size_unit = Value("size/@unit")
    line = Value("line/@value", INT)
    line_unit = Value("line/@unit")


class Interconnect(Element):
    """One latency or bandwidth between NUMA cells; the element's name tells which."""

    tag = "latency"
    key = ("initiator", "target", "cache", "type")
    initiator = Value("@initiator", INT)
    target = Value("@target", INT)
    cache = Value("@cache", INT)
    type = Value("@type")
    value = Value("@value", INT)
    unit = Value("@unit")


class Interconnects(Element):
    """How fast NUMA cells reach each other's memory (ACPI HMAT)."""

    tag = "interconnects"
    links = Children("*", {"latency": Interconnect, "bandwidth": Interconnect})
