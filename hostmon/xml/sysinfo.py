"""What the guest reads as its machine's identity: SMBIOS tables or QEMU's fw_cfg."""

from hostmon.xml.common import Named
from hostmon.xml.element import Children, Element, Value, Values


class FirmwareEntry(Named):
    """A fw_cfg entry: its value, or a file with it."""

    tag = "entry"
    file = Value("@file")


class BaseBoard(Element):
    """One main board of the machine."""

    tag = "baseBoard"
    entries = Children("entry", Named)


class Sysinfo(Element):
    """Entries of each SMBIOS table, by name: ``system`` holds manufacturer, product, serial."""

    tag = "sysinfo"
    key = ("type",)
    type = Value("@type")
    bios = Children("bios/entry", Named)
    system = Children("system/entry", Named)
    base_boards = Children("baseBoard", BaseBoard)
    chassis = Children("chassis/entry", Named)
    oem_strings = Values("oemStrings/entry")
    entries = Children("entry", FirmwareEntry)
