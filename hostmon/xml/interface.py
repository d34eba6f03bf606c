"""A guest's network interfaces, of every type."""

from hostmon.xml.common import Address, Device, Reconnect, VirtioDriver
from hostmon.xml.element import INT, ON_OFF, YES_NO, Child, Children, Element, Value
from hostmon.xml.netparts import Bandwidth, FilterRef, Ip, Route, VirtualPort, Vlan


class InterfaceSource(Element):
    """What the interface is connected to; its type tells which of the fields apply."""

    tag = "source"
    network = Value("@network")
    portgroup = Value("@portgroup")
    portid = Value("@portid")
    bridge = Value("@bridge")
    mac_table_manager = Value("@macTableManager")
    dev = Value("@dev")
    mode = Value("@mode")
    type = Value("@type")
    path = Value("@path")
    name = Value("@name")
    switchid = Value("@switchid")
    portgroupid = Value("@portgroupid")
    connectionid = Value("@connectionid", INT)
    source_address = Value("@address")
    port = Value("@port", INT)
    local_address = Value("local/@address")
    local_port = Value("local/@port", INT)
    reconnect = Child("reconnect", Reconnect)
    address = Child("address", Address)
    vendor_id = Value("vendor/@id")
    product_id = Value("product/@id")
    missing = Value("@missing", YES_NO)
    ips = Children("ip", Ip)
    routes = Children("route", Route)


class Offloads(Element):
    """Which offloads the host's or the guest's side may use."""

    tag = "host"
    csum = Value("@csum", ON_OFF)
    gso = Value("@gso", ON_OFF)
    tso4 = Value("@tso4", ON_OFF)
    tso6 = Value("@tso6", ON_OFF)
    ecn = Value("@ecn", ON_OFF)
    ufo = Value("@ufo", ON_OFF)
    mrg_rxbuf = Value("@mrg_rxbuf", ON_OFF)


class InterfaceDriver(VirtioDriver):
    """What moves the packets, and with how many queues."""

    name = Value("@name")
    txmode = Value("@txmode")
    ioeventfd = Value("@ioeventfd", ON_OFF)
    event_idx = Value("@event_idx", ON_OFF)
    queues = Value("@queues", INT)
    rx_queue_size = Value("@rx_queue_size", INT)
    tx_queue_size = Value("@tx_queue_size", INT)
    rss = Value("@rss", ON_OFF)
    rss_hash_report = Value("@rss_hash_report", ON_OFF)
    host = Child("host", Offloads)
    guest = Child("guest", Offloads)


class ForwardRange(Element):
    """Ports of the host that lead into the guest."""

    tag = "range"
    key = ("start", "end")
    start = Value("@start", INT)
    end = Value("@end", INT)
    to = Value("@to", INT)
    exclude = Value("@exclude", YES_NO)


class PortForward(Element):
    """Forwarding from the host's ports to the guest's, by passt."""

    tag = "portForward"
    proto = Value("@proto")
    address = Value("@address")
    dev = Value("@dev")
    ranges = Children("range", ForwardRange)


class InterfaceBackend(Element):
    """The files and program behind the interface."""

    tag = "backend"
    type = Value("@type")
    tap = Value("@tap")
    vhost = Value("@vhost")
    log_file = Value("@logFile")


class Interface(Device):
    """A network interface of a guest; known by its MAC address."""

    tag = "interface"
    key = ("mac",)
    type = Value("@type")
    managed = Value("@managed", YES_NO)
    trust_guest_rx_filters = Value("@trustGuestRxFilters", YES_NO)
    mac = Value("mac/@address")
    mac_type = Value("mac/@type")
    mac_check = Value("mac/@check", YES_NO)
    model = Value("model/@type")
    driver = Child("driver", InterfaceDriver)
    source = Child("source", InterfaceSource)
    backend = Child("backend", InterfaceBackend)
    ips = Children("ip", Ip)
    routes = Children("route", Route)
    port_forwards = Children("portForward", PortForward)
    mtu = Value("mtu/@size", INT)
    target = Value("target/@dev")
    target_managed = Value("target/@managed", YES_NO)
    guest = Value("guest/@dev")
    guest_actual = Value("guest/@actual")
    vlan = Child("vlan", Vlan)
    filterref = Child("filterref", FilterRef)
    virtualport = Child("virtualport", VirtualPort)
    bandwidth = Child("bandwidth", Bandwidth)
    link_state = Value("link/@state")
    script = Value("script/@path")
    downscript = Value("downscript/@path")
    backenddomain = Value("backenddomain/@name")
    sndbuf = Value("tune/sndbuf", INT)
    coalesce_rx_frames = Value("coalesce/rx/frames/@max", INT)
    isolated = Value("port/@isolated", YES_NO)
    teaming_type = Value("teaming/@type")
    teaming_persistent = Value("teaming/@persistent")
    boot_order = Value("boot/@order", INT)
    boot_loadparm = Value("boot/@loadparm")
    rom_enabled = Value("rom/@enabled", YES_NO)
    rom_bar = Value("rom/@bar", ON_OFF)
    rom_file = Value("rom/@file")
