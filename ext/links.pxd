"""Counters of every network interface, by one netlink dump (RTM_GETSTATS, rtnetlink(7)).

Owns the request, the parsing of its answer and an index by ifindex that is rebuilt at each dump.
Names are not in the answer: whoever asks knows the ifindex.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from textfile cimport EINTR, O_CLOEXEC, close, errno

cdef extern from "<sys/socket.h>" nogil:
    int socket(int, int, int)
    ssize_t send(int, const void*, size_t, int)
    ssize_t recv(int, void*, size_t, int)
    enum:
        AF_NETLINK
        SOCK_RAW
        SOCK_CLOEXEC

cdef extern from "<linux/netlink.h>" nogil:
    struct nlmsghdr:
        uint32_t nlmsg_len
        uint16_t nlmsg_type
        uint16_t nlmsg_flags
        uint32_t nlmsg_seq
        uint32_t nlmsg_pid
    struct nlattr:
        uint16_t nla_len
        uint16_t nla_type
    enum:
        NETLINK_ROUTE
        NLM_F_REQUEST
        NLM_F_DUMP
        NLM_F_DUMP_INTR
        NLMSG_DONE
        NLMSG_ERROR

cdef extern from *:
    """
    #include <linux/rtnetlink.h>
    #include <linux/if_link.h>
    typedef struct { struct nlmsghdr head; struct if_stats_msg body; } StatsRequest;
    """
    struct if_stats_msg:
        uint8_t family
        uint32_t ifindex
        uint32_t filter_mask
    ctypedef struct StatsRequest:
        nlmsghdr head
        if_stats_msg body
    enum:
        RTM_GETSTATS
        RTM_NEWSTATS
        IFLA_STATS_LINK_64

cdef enum:
    DUMP = 1 << 16           # the kernel fills at most 32 KiB a message batch
    TRIES = 3                # a dump that a change interrupted is asked again

cdef struct LinkStats:
    # The host's view: what the guest sends, its tap receives.
    uint64_t rx_packets
    uint64_t tx_packets
    uint64_t rx_bytes
    uint64_t tx_bytes
    uint64_t rx_errors
    uint64_t tx_errors
    uint64_t rx_dropped
    uint64_t tx_dropped
    uint64_t missed          # counted as dropped by /proc/net/dev, which libvirt reads
    uint32_t ifindex

cdef struct Links:
    LinkStats* links
    uint32_t* slots          # by ifindex: position + 1, 0 is free
    uint32_t room            # of slots, a power of two; half as many links
    uint32_t count
    int fd
    uint8_t complete         # an interface that is not among them does not exist
    uint32_t sequence
    char* answer


cdef inline void links_init(Links* links) noexcept nogil:
    memset(links, 0, sizeof(Links))
    links.fd = -1


cdef inline void links_free(Links* links) noexcept nogil:
    free(links.links)
    free(links.slots)
    free(links.answer)
    if links.fd >= 0:
        close(links.fd)
    links_init(links)


cdef inline int links_reserve(Links* links) noexcept nogil:
    """Room for one more; -1 without memory."""
    cdef uint32_t room = links.room * 2 if links.room else 256
    cdef LinkStats* grown
    cdef uint32_t* slots
    cdef uint32_t i
    if links.count * 2 < links.room:
        return 0
    grown = <LinkStats*>malloc(room // 2 * sizeof(LinkStats))
    slots = <uint32_t*>calloc(room, sizeof(uint32_t))
    if grown == NULL or slots == NULL:
        free(grown)
        free(slots)
        return -1
    memcpy(grown, links.links, links.count * sizeof(LinkStats))
    free(links.links)
    free(links.slots)
    links.links = grown
    links.slots = slots
    links.room = room
    for i in range(links.count):
        slots[links_slot(links, grown[i].ifindex)] = i + 1
    return 0


cdef inline uint32_t links_slot(const Links* links, uint32_t ifindex) noexcept nogil:
    cdef uint32_t at = ifindex * <uint32_t>0x9e3779b1 & (links.room - 1)
    while links.slots[at] and links.links[links.slots[at] - 1].ifindex != ifindex:
        at = (at + 1) & (links.room - 1)
    return at


cdef inline const LinkStats* links_find(const Links* links, uint32_t ifindex) noexcept nogil:
    """The counters of an interface, or NULL."""
    cdef uint32_t slot
    if links.count == 0 or ifindex == 0:
        return NULL
    slot = links.slots[links_slot(links, ifindex)]
    return &links.links[slot - 1] if slot else NULL


cdef inline int links_put(Links* links, uint32_t ifindex, const char* data) noexcept nogil:
    """Take over one struct rtnl_link_stats64."""
    cdef LinkStats* to
    cdef uint32_t slot
    if links_reserve(links) < 0:
        return -1
    slot = links_slot(links, ifindex)
    if links.slots[slot] == 0:
        links.count += 1
        links.slots[slot] = links.count
    to = &links.links[links.slots[slot] - 1]
    memcpy(to, data, 8 * sizeof(uint64_t))
    memcpy(&to.missed, data + 15 * sizeof(uint64_t), sizeof(uint64_t))
    to.ifindex = ifindex
    return 0


cdef inline int links_take(Links* links, const char* data, size_t size) noexcept nogil:
    """One RTM_NEWSTATS body: its header, then attributes."""
    cdef if_stats_msg body
    cdef nlattr attribute
    cdef size_t at = sizeof(if_stats_msg)
    if size < at:
        return 0
    memcpy(&body, data, at)
    while size - at >= sizeof(nlattr):
        memcpy(&attribute, data + at, sizeof(nlattr))
        if attribute.nla_len < sizeof(nlattr) or attribute.nla_len > size - at:
            return 0
        if attribute.nla_type == IFLA_STATS_LINK_64 and attribute.nla_len >= 4 + 16 * 8:
            return links_put(links, body.ifindex, data + at + sizeof(nlattr))
        at += (attribute.nla_len + 3) & ~<size_t>3
        if at > size:
            return 0
    return 0


cdef inline int links_parse(
    Links* links, const char* data, size_t size, bint* interrupted
) noexcept nogil:
    """A batch of netlink messages; 1 when the dump is over, 0 if more follows, -1 on an error."""
    cdef nlmsghdr head
    cdef size_t at = 0
    while size - at >= sizeof(nlmsghdr):
        memcpy(&head, data + at, sizeof(nlmsghdr))
        if head.nlmsg_len < sizeof(nlmsghdr) or head.nlmsg_len > size - at:
            return -1
        if head.nlmsg_flags & NLM_F_DUMP_INTR:
            interrupted[0] = True
        if head.nlmsg_type == NLMSG_DONE:
            return 1
        if head.nlmsg_type == NLMSG_ERROR:
            return -1
        if head.nlmsg_type == RTM_NEWSTATS and links_take(
                links, data + at + sizeof(nlmsghdr), head.nlmsg_len - sizeof(nlmsghdr)) < 0:
            return -1
        at += (head.nlmsg_len + 3) & ~<size_t>3
        if at > size:
            break
    return 0


cdef inline int links_ask(Links* links) noexcept nogil:
    """Open what is needed and send the request; -1 if the kernel will not."""
    cdef StatsRequest request
    if links.answer == NULL:
        links.answer = <char*>malloc(DUMP)
        if links.answer == NULL:
            return -1
    if links.fd < 0:
        links.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)
        if links.fd < 0:
            return -1
    memset(&request, 0, sizeof(request))
    links.sequence += 1
    request.head.nlmsg_len = sizeof(request)
    request.head.nlmsg_type = RTM_GETSTATS
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP
    request.head.nlmsg_seq = links.sequence
    request.body.filter_mask = 1 << (IFLA_STATS_LINK_64 - 1)
    if links_reserve(links) < 0:
        return -1
    links.count = 0
    memset(links.slots, 0, links.room * sizeof(uint32_t))
    return 0 if send(links.fd, &request, sizeof(request), 0) == sizeof(request) else -1


cdef inline int links_dump_once(Links* links, bint* interrupted) noexcept nogil:
    cdef ssize_t got
    cdef int done = 0
    if links_ask(links) < 0:
        return -1
    while done == 0:
        got = recv(links.fd, links.answer, DUMP, 0)
        if got < 0 and errno == EINTR:
            continue
        if got <= 0:
            return -1
        done = links_parse(links, links.answer, got, interrupted)
    return 0 if done > 0 else -1


cdef inline int links_dump(Links* links) noexcept nogil:
    """Read the counters of all interfaces there are now; 0, or -1 (and none are known)."""
    cdef bint interrupted
    links.complete = False
    for _ in range(TRIES):
        interrupted = False
        if links_dump_once(links, &interrupted) < 0:
            if links.fd >= 0:
                close(links.fd)
            links.fd = -1
            links.count = 0
            return -1
        if not interrupted:
            links.complete = True
            return 0
    return 0
