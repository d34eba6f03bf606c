"""Devices of the host given to a guest: PCI, USB, SCSI, mediated; block, char and net for LXC."""

from hostmon.xml.common import Address, Device
from hostmon.xml.disksource import Auth, StorageHost
from hostmon.xml.element import INT, ON_OFF, YES_NO, Child, Children, Element, Flag, Value
from hostmon.xml.netparts import Ip, Route


class ScsiAdapter(Element):
    """A SCSI host adapter, by name, by parent or by world-wide names."""

    tag = "adapter"
    type = Value("@type")
    name = Value("@name")
    parent = Value("@parent")
    managed = Value("@managed", YES_NO)
    parent_wwnn = Value("@parent_wwnn")
    parent_wwpn = Value("@parent_wwpn")
    parent_fabric_wwn = Value("@parent_fabric_wwn")
    wwnn = Value("@wwnn")
    wwpn = Value("@wwpn")
    parent_unique_id = Value("parentaddr/@unique_id", INT)
    parent_address = Child("parentaddr/address", Address)


class HostdevSource(Element):
    """Which device of the host; the hostdev's type tells which of the fields apply."""

    tag = "source"
    startup_policy = Value("@startupPolicy")
    guest_reset = Value("@guestReset")
    write_filtering = Value("@writeFiltering", YES_NO)
    protocol = Value("@protocol")
    name = Value("@name")
    wwpn = Value("@wwpn")
    address = Child("address", Address)
    vendor_id = Value("vendor/@id")
    product_id = Value("product/@id")
    adapter = Child("adapter", ScsiAdapter)
    hosts = Children("host", StorageHost)
    auth = Child("auth", Auth)
    initiator_iqn = Value("initiator/iqn/@name")
    block = Value("block")
    char = Value("char")
    interface = Value("interface")


class Hostdev(Device):
    """A device of the host in the guest."""

    tag = "hostdev"
    mode = Value("@mode")
    type = Value("@type")
    managed = Value("@managed", YES_NO)
    model = Value("@model")
    sgio = Value("@sgio")
    rawio = Value("@rawio", YES_NO)
    display = Value("@display", ON_OFF)
    ramfb = Value("@ramfb", ON_OFF)
    driver = Value("driver/@name")
    driver_model = Value("driver/@model")
    source = Child("source", HostdevSource)
    teaming_type = Value("teaming/@type")
    teaming_persistent = Value("teaming/@persistent")
    ips = Children("ip", Ip)
    routes = Children("route", Route)
    boot_order = Value("boot/@order", INT)
    boot_loadparm = Value("boot/@loadparm")
    rom_enabled = Value("rom/@enabled", YES_NO)
    rom_bar = Value("rom/@bar", ON_OFF)
    rom_file = Value("rom/@file")
    readonly = Flag("readonly")
    shareable = Flag("shareable")
