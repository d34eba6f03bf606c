"""What guests' interfaces and libvirt's networks share: ports, VLANs, bandwidth, addresses."""

from hostmon.xml.common import Named
from hostmon.xml.element import INT, YES_NO, Child, Children, Element, Value


class VirtualPort(Element):
    """The port at a switch: 802.1Qbg, 802.1Qbh, Open vSwitch or MidoNet."""

    tag = "virtualport"
    type = Value("@type")
    managerid = Value("parameters/@managerid", INT)
    typeid = Value("parameters/@typeid", INT)
    typeidversion = Value("parameters/@typeidversion", INT)
    instanceid = Value("parameters/@instanceid")
    profileid = Value("parameters/@profileid")
    interfaceid = Value("parameters/@interfaceid")


class VlanTag(Element):
    """One VLAN, and how its frames leave the port."""

    tag = "tag"
    key = ("id",)
    id = Value("@id", INT)
    native_mode = Value("@nativeMode")


class Vlan(Element):
    """The VLANs of a port; a trunk carries several."""

    tag = "vlan"
    trunk = Value("@trunk", YES_NO)
    tags = Children("tag", VlanTag)


class Rate(Element):
    """Average and peak in KiB a second, burst in KiB."""

    tag = "inbound"
    average = Value("@average", INT)
    peak = Value("@peak", INT)
    burst = Value("@burst", INT)
    floor = Value("@floor", INT)


class Bandwidth(Element):
    """Limits of the traffic in each direction, as the host sees it."""

    tag = "bandwidth"
    class_id = Value("@classID", INT)
    inbound = Child("inbound", Rate)
    outbound = Child("outbound", Rate)


class FilterRef(Element):
    """A network filter to apply, with the parameters it is given."""

    tag = "filterref"
    key = ("filter",)
    filter = Value("@filter")
    parameters = Children("parameter", Named)


class Ip(Element):
    """An address inside the guest."""

    tag = "ip"
    key = ("address",)
    address = Value("@address")
    family = Value("@family")
    prefix = Value("@prefix", INT)
    peer = Value("@peer")


class Route(Element):
    """A route: the network, its gateway and metric."""

    tag = "route"
    key = ("family", "address", "prefix", "netmask")
    family = Value("@family")
    address = Value("@address")
    netmask = Value("@netmask")
    prefix = Value("@prefix", INT)
    gateway = Value("@gateway")
    metric = Value("@metric", INT)
