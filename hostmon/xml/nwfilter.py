"""Network filters: rules about a guest's packets, and other filters they refer to."""

from hostmon.xml.element import INT, YES_NO, Children, Element, Value
from hostmon.xml.netparts import FilterRef

PROTOCOLS = (
    "mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6", "tcp", "tcp-ipv6", "udp", "udp-ipv6",
    "sctp", "sctp-ipv6", "icmp", "icmpv6", "igmp", "esp", "esp-ipv6", "ah", "ah-ipv6", "udplite",
    "udplite-ipv6", "all", "all-ipv6",
)  # fmt: skip


class Match(Element):
    """What packets of one protocol a rule is about; the element's name is the protocol.

    Every value is text, because a variable such as ``$IP`` may stand for it.
    """

    tag = "all"
    match = Value("@match", YES_NO)
    srcmacaddr = Value("@srcmacaddr")
    srcmacmask = Value("@srcmacmask")
    dstmacaddr = Value("@dstmacaddr")
    dstmacmask = Value("@dstmacmask")
    protocolid = Value("@protocolid")
    vlanid = Value("@vlanid")
    encap_protocol = Value("@encap-protocol")
    type = Value("@type")
    typeend = Value("@typeend")
    code = Value("@code")
    codeend = Value("@codeend")
    flags = Value("@flags")
    root_priority = Value("@root-priority")
    root_priority_hi = Value("@root-priority-hi")
    root_address = Value("@root-address")
    root_address_mask = Value("@root-address-mask")
    root_cost = Value("@root-cost")
    root_cost_hi = Value("@root-cost-hi")
    sender_priority = Value("@sender-priority")
    sender_priority_hi = Value("@sender-priority-hi")
    sender_address = Value("@sender-address")
    sender_address_mask = Value("@sender-address-mask")
    port = Value("@port")
    port_hi = Value("@port-hi")
    age = Value("@age")
    age_hi = Value("@age-hi")
    max_age = Value("@max-age")
    max_age_hi = Value("@max-age-hi")
    hello_time = Value("@hello-time")
    hello_time_hi = Value("@hello-time-hi")
    forward_delay = Value("@forward-delay")
    forward_delay_hi = Value("@forward-delay-hi")
    hwtype = Value("@hwtype")
    protocoltype = Value("@protocoltype")
    opcode = Value("@opcode")
    gratuitous = Value("@gratuitous")
    arpsrcmacaddr = Value("@arpsrcmacaddr")
    arpsrcipaddr = Value("@arpsrcipaddr")
    arpsrcipmask = Value("@arpsrcipmask")
    arpdstmacaddr = Value("@arpdstmacaddr")
    arpdstipaddr = Value("@arpdstipaddr")
    arpdstipmask = Value("@arpdstipmask")
    protocol = Value("@protocol")
    srcipaddr = Value("@srcipaddr")
    srcipmask = Value("@srcipmask")
    dstipaddr = Value("@dstipaddr")
    dstipmask = Value("@dstipmask")
    srcipfrom = Value("@srcipfrom")
    srcipto = Value("@srcipto")
    dstipfrom = Value("@dstipfrom")
    dstipto = Value("@dstipto")
    srcportstart = Value("@srcportstart")
    srcportend = Value("@srcportend")
    dstportstart = Value("@dstportstart")
    dstportend = Value("@dstportend")
    dscp = Value("@dscp")
    state = Value("@state")
    connlimit_above = Value("@connlimit-above")
    ipset = Value("@ipset")
    ipsetflags = Value("@ipsetflags")
    comment = Value("@comment")

    @property
    def kind(self) -> str:
        """The protocol: ``tcp``, ``arp``, ..."""
        return str(self.node.tag)


class Rule(Element):
    """What happens to packets that match; smaller priorities come first."""

    tag = "rule"
    action = Value("@action")
    direction = Value("@direction")
    priority = Value("@priority", INT)
    statematch = Value("@statematch")
    matches = Children("*", dict.fromkeys(PROTOCOLS, Match))


class NwFilter(Element):
    """A network filter: its rules and the filters it includes, in their order."""

    tag = "filter"
    name = Value("@name")
    chain = Value("@chain")
    priority = Value("@priority", INT)
    uuid = Value("uuid")
    entries = Children("*", {"filterref": FilterRef, "rule": Rule})
    rules = Children("rule", Rule)
    filterrefs = Children("filterref", FilterRef)


class NwFilterBinding(Element):
    """A filter at work on one port of one guest."""

    tag = "filterbinding"
    owner_name = Value("owner/name")
    owner_uuid = Value("owner/uuid")
    portdev = Value("portdev/@name")
    linkdev = Value("linkdev/@name")
    mac = Value("mac/@address")
    filterref = Children("filterref", FilterRef)
