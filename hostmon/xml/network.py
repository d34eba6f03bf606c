"""libvirt's virtual networks: bridge or forwarding, addresses, DHCP and DNS, port groups."""

from hostmon.xml.common import Address, Named
from hostmon.xml.element import INT, ON_OFF, YES_NO, Child, Children, Element, Value, Values
from hostmon.xml.metadata import Metadata
from hostmon.xml.netparts import Bandwidth, Route, VirtualPort, Vlan


class Bridge(Element):
    """The bridge that libvirt makes, or uses."""

    tag = "bridge"
    name = Value("@name")
    zone = Value("@zone")
    stp = Value("@stp", ON_OFF)
    delay = Value("@delay", INT)
    mac_table_manager = Value("@macTableManager")


class Nat(Element):
    """The addresses and ports that traffic leaves the host from."""

    tag = "nat"
    ipv6 = Value("@ipv6", YES_NO)
    address_start = Value("address/@start")
    address_end = Value("address/@end")
    port_start = Value("port/@start", INT)
    port_end = Value("port/@end", INT)


class ForwardInterface(Element):
    """A device of the host that guests' ports may use."""

    tag = "interface"
    key = ("dev",)
    dev = Value("@dev")
    connections = Value("@connections", INT)


class ForwardAddress(Address):
    """A PCI device of the host that a guest may get."""

    connections = Value("@connections", INT)


class Forward(Element):
    """How the network reaches the world."""

    tag = "forward"
    dev = Value("@dev")
    mode = Value("@mode")
    managed = Value("@managed", YES_NO)
    driver = Value("driver/@name")
    driver_model = Value("driver/@model")
    pf = Value("pf/@dev")
    nat = Child("nat", Nat)
    interfaces = Children("interface", ForwardInterface)
    addresses = Children("address", ForwardAddress)


class PortGroup(Element):
    """A sort of ports, by name."""

    tag = "portgroup"
    key = ("name",)
    name = Value("@name")
    default = Value("@default", YES_NO)
    trust_guest_rx_filters = Value("@trustGuestRxFilters", YES_NO)
    virtualport = Child("virtualport", VirtualPort)
    bandwidth = Child("bandwidth", Bandwidth)
    vlan = Child("vlan", Vlan)
    isolated = Value("port/@isolated", YES_NO)


class Forwarder(Element):
    """A name server for all names, or for one domain."""

    tag = "forwarder"
    key = ("domain", "addr")
    domain = Value("@domain")
    addr = Value("@addr")


class DnsSrv(Element):
    """A service record."""

    tag = "srv"
    key = ("service", "protocol", "domain", "target")
    service = Value("@service")
    protocol = Value("@protocol")
    domain = Value("@domain")
    target = Value("@target")
    port = Value("@port", INT)
    priority = Value("@priority", INT)
    weight = Value("@weight", INT)


class DnsHost(Element):
    """Names of one address."""

    tag = "host"
    key = ("ip",)
    ip = Value("@ip")
    hostnames = Values("hostname")


class Dns(Element):
    """The network's name service."""

    tag = "dns"
    enable = Value("@enable", YES_NO)
    forward_plain_names = Value("@forwardPlainNames", YES_NO)
    forwarders = Children("forwarder", Forwarder)
    txts = Children("txt", Named)
    srvs = Children("srv", DnsSrv)
    hosts = Children("host", DnsHost)


class Expiry(Element):
    """For how long an address is leased; 0 for ever."""

    tag = "lease"
    expiry = Value("@expiry", INT)
    unit = Value("@unit")


class DhcpRange(Element):
    """Addresses to give out."""

    tag = "range"
    key = ("start",)
    start = Value("@start")
    end = Value("@end")
    lease = Child("lease", Expiry)


class DhcpHost(Element):
    """The address of one guest."""

    tag = "host"
    key = ("mac", "id", "name")
    mac = Value("@mac")
    id = Value("@id")
    name = Value("@name")
    ip = Value("@ip")
    lease = Child("lease", Expiry)


class Dhcp(Element):
    """The network's DHCP service."""

    tag = "dhcp"
    ranges = Children("range", DhcpRange)
    hosts = Children("host", DhcpHost)
    bootp_file = Value("bootp/@file")
    bootp_server = Value("bootp/@server")


class NetworkIp(Element):
    """The host's address in the network."""

    tag = "ip"
    key = ("family", "address")
    family = Value("@family")
    address = Value("@address")
    netmask = Value("@netmask")
    prefix = Value("@prefix", INT)
    local_ptr = Value("@localPtr", YES_NO)
    tftp_root = Value("tftp/@root")
    dhcp = Child("dhcp", Dhcp)


class Network(Element):
    """A virtual network."""

    tag = "network"
    ipv6 = Value("@ipv6", YES_NO)
    connections = Value("@connections", INT)
    trust_guest_rx_filters = Value("@trustGuestRxFilters", YES_NO)
    name = Value("name")
    uuid = Value("uuid")
    title = Value("title")
    description = Value("description")
    metadata = Child("metadata", Metadata)
    forward = Child("forward", Forward)
    bridge = Child("bridge", Bridge)
    mtu = Value("mtu/@size", INT)
    mac = Value("mac/@address")
    domain = Value("domain/@name")
    domain_local_only = Value("domain/@localOnly", YES_NO)
    dns = Child("dns", Dns)
    virtualport = Child("virtualport", VirtualPort)
    bandwidth = Child("bandwidth", Bandwidth)
    vlan = Child("vlan", Vlan)
    isolated = Value("port/@isolated", YES_NO)
    portgroups = Children("portgroup", PortGroup)
    ips = Children("ip", NetworkIp)
    routes = Children("route", Route)
    dnsmasq_options = Values("dnsmasq:options/dnsmasq:option/@value")
