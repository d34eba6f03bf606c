"""Network interfaces of the host, as libvirt configures them."""

from hostmon.xml.element import INT, ON_OFF, YES_NO, Child, Children, Element, Flag, Value
from hostmon.xml.netparts import Ip


class Protocol(Element):
    """IPv4 or IPv6 on an interface."""

    tag = "protocol"
    key = ("family",)
    family = Value("@family")
    dhcp = Flag("dhcp")
    dhcp_peerdns = Value("dhcp/@peerdns", YES_NO)
    autoconf = Flag("autoconf")
    ips = Children("ip", Ip)
    gateway = Value("route/@gateway")


class HostInterface(Element):
    """An interface of the host: ethernet, bridge, bond or VLAN."""

    tag = "interface"
    key = ("name",)
    type = Value("@type")
    name = Value("@name")
    start = Value("start/@mode")
    mac = Value("mac/@address")
    link_speed = Value("link/@speed", INT)
    link_state = Value("link/@state")
    mtu = Value("mtu/@size", INT)
    protocols = Children("protocol", Protocol)
    bridge = Flag("bridge")
    bridge_stp = Value("bridge/@stp", ON_OFF)
    bridge_delay = Value("bridge/@delay")
    bridge_interfaces: Children["HostInterface"] = Children("bridge/interface")
    bond = Flag("bond")
    bond_mode = Value("bond/@mode")
    miimon_freq = Value("bond/miimon/@freq", INT)
    miimon_downdelay = Value("bond/miimon/@downdelay", INT)
    miimon_updelay = Value("bond/miimon/@updelay", INT)
    miimon_carrier = Value("bond/miimon/@carrier")
    arpmon_interval = Value("bond/arpmon/@interval", INT)
    arpmon_target = Value("bond/arpmon/@target")
    arpmon_validate = Value("bond/arpmon/@validate")
    bond_interfaces: Children["HostInterface"] = Children("bond/interface")
    vlan_tag = Value("vlan/@tag", INT)
    vlan_interface: Child["HostInterface"] = Child("vlan/interface")
