"""How a guest boots: firmware, kernel, boot order, and a container's init."""

from hostmon.xml.common import Named
from hostmon.xml.disksource import DiskSource
from hostmon.xml.element import INT, YES_NO, Child, Children, Element, Value, Values


class OsType(Element):
    """What kind of system runs (hvm, exe, xen), on which architecture and machine."""

    tag = "type"
    name = Value(".")
    arch = Value("@arch")
    machine = Value("@machine")


class FirmwareFeature(Element):
    """A feature the chosen firmware must have, or must not."""

    tag = "feature"
    key = ("name",)
    enabled = Value("@enabled", YES_NO)
    name = Value("@name")


class FirmwareFeatures(Element):
    """What libvirt looks for when it chooses the firmware."""

    tag = "firmware"
    type = Value("@type")
    features = Children("feature", FirmwareFeature)


class Loader(Element):
    """The firmware's code."""

    tag = "loader"
    path = Value(".")
    readonly = Value("@readonly", YES_NO)
    secure = Value("@secure", YES_NO)
    type = Value("@type")
    stateless = Value("@stateless", YES_NO)
    format = Value("@format")


class Nvram(Element):
    """The firmware's variables: a path, or a source like a disk's, and what they start from."""

    tag = "nvram"
    path = Value(".")
    template = Value("@template")
    template_format = Value("@templateFormat")
    type = Value("@type")
    format = Value("@format")
    source = Child("source", DiskSource)


class AcpiTable(Element):
    """A file with an ACPI table."""

    tag = "table"
    key = ("type",)
    type = Value("@type")
    path = Value(".")


class Os(Element):
    """The operating system's booting."""

    tag = "os"
    firmware = Value("@firmware")
    type = Child("type", OsType)
    firmware_features = Child("firmware", FirmwareFeatures)
    loader = Child("loader", Loader)
    nvram = Child("nvram", Nvram)
    init = Value("init")
    initargs = Values("initarg")
    initenvs = Children("initenv", Named)
    initdir = Value("initdir")
    inituser = Value("inituser")
    initgroup = Value("initgroup")
    kernel = Value("kernel")
    initrd = Value("initrd")
    cmdline = Value("cmdline")
    root = Value("root")
    dtb = Value("dtb")
    acpi_tables = Children("acpi/table", AcpiTable)
    boot_devices = Values("boot/@dev")
    boot_menu = Value("bootmenu/@enable", YES_NO)
    boot_menu_timeout = Value("bootmenu/@timeout", INT)
    smbios = Value("smbios/@mode")
    bios_useserial = Value("bios/@useserial", YES_NO)
    bios_reboot_timeout = Value("bios/@rebootTimeout", INT)
