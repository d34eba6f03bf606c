"""A kernel reading written into the guest table, under its lock, if the row still means the guest.

Owns which of the table's columns are the kernel's. Reads no file.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport strlen

from cgroup cimport CPUACCT, UNIFIED
from devices cimport table_set_vcpus
from links cimport Links, LinkStats, links_find
from reading cimport Reading, mark, ALL, FAST
from rows cimport *
from table cimport *
from watch cimport Watch, watch_group

cdef enum:
    KERNEL_GROUPS = (
        1 << GROUP_CPU | 1 << GROUP_VCPU | 1 << GROUP_RSS | 1 << GROUP_CGROUP_MEMORY
        | 1 << GROUP_PROCESS_IO | 1 << GROUP_INTERFACE | 1 << GROUP_PRESSURE
        | 1 << GROUP_THROTTLE | 1 << GROUP_VCPU_PLACE)


cdef inline bint read_well(const Reading* read, int group) noexcept nogil:
    return read.good >> group & 1


cdef inline bint same_guest(const Row* r, const Watch* w) noexcept nogil:
    return r.alive and r.life == w.life and r.run == w.run


cdef inline void forget(Table* table, uint32_t row, const Watch* w) noexcept nogil:
    """The process has ended: its columns are not to be trusted any more."""
    cdef Row* r
    table_lock(table)
    r = table_row(table, row)
    if same_guest(r, w):
        r.valid &= ~<uint32_t>KERNEL_GROUPS
    table_unlock(table)


cdef inline bint commit(
    Table* table, uint32_t row, Watch* w, Reading* read, const Links* links, uint64_t now, int depth
) noexcept nogil:
    """Write one reading; true if the vCPUs turned out to be others than libvirt's definition has."""
    cdef bint others = False
    cdef bint tapped
    cdef int group
    cdef Row* r
    table_lock(table)
    r = table_row(table, row)
    if same_guest(r, w):
        # Otherwise the interfaces changed since the taps were looked up: the next pass does it again.
        tapped = r.shape == w.shape and r.interfaces.count == w.tap_count
        if w.found or read.threads_changed or r.vcpus.count != w.threads.count:
            others = commit_process(table, row, w)
            r = table_row(table, row)
        commit_columns(r, read, depth)
        commit_vcpus(<Vcpu*>table_array(table, &r.vcpus), r.vcpus.count, w, read, depth)
        if tapped and commit_taps(<Interface*>table_array(table, &r.interfaces), r, w, links, depth):
            mark(read, GROUP_INTERFACE)
        # What should have been read and was not ages alone.
        for group in range(GROUPS):
            if read_well(read, group):
                row_good(r, group, now)
    table_unlock(table)
    return others


cdef inline bint commit_process(Table* table, uint32_t row, Watch* w) noexcept nogil:
    """What is found once a run or when threads come and go."""
    cdef Row* r = table_row(table, row)
    cdef uint32_t count = w.threads.count
    cdef const char* group = watch_group(w, UNIFIED)
    r.process.pid = w.pid
    r.process.start_ticks = w.start
    if group == NULL:
        group = watch_group(w, CPUACCT)
    if group != NULL:
        table_set_bytes(table, row, <char*>&r.cgroup - <char*>r, group, <uint32_t>strlen(group))
    if table_set_vcpus(table, row, w.threads.items, count) == 0:
        w.found = False
    r = table_row(table, row)
    return count and r.sizes.vcpus != UNKNOWN and r.sizes.vcpus != count


cdef inline void commit_columns(Row* r, const Reading* read, int depth) noexcept nogil:
    if read_well(read, GROUP_CPU):
        r.cpu = read.cpu
    if read_well(read, GROUP_RSS):
        r.memory.rss = read.memory.rss
    if depth == FAST:
        return
    if read_well(read, GROUP_CGROUP_MEMORY):
        r.memory.current = read.memory.current
        if depth == ALL:
            r.memory.swap = read.memory.swap
    if read_well(read, GROUP_PROCESS_IO):
        r.io = read.io
    if read_well(read, GROUP_PRESSURE):
        r.pressure = read.pressure
    if read_well(read, GROUP_THROTTLE):
        r.throttle = read.throttle


cdef inline void commit_vcpus(
    Vcpu* vcpus, uint32_t count, const Watch* w, const Reading* read, int depth
) noexcept nogil:
    cdef uint32_t i
    if not read_well(read, GROUP_VCPU):
        return
    for i in range(min(count, w.threads.count)):
        vcpus[i].run_ns = read.vcpus[i].run_ns
        vcpus[i].delay_ns = read.vcpus[i].delay_ns
        if depth == ALL:
            vcpus[i].on_cpu = read.vcpus[i].on_cpu


cdef inline bint commit_taps(
    Interface* nics, const Row* r, Watch* w, const Links* links, int depth
) noexcept nogil:
    """Whether any interface's counters were there.

    One that has no tap any more has none: the guest's other taps keep the group's age fresh. Where
    there never was a tap the columns may be libvirt's.
    """
    cdef const LinkStats* link
    cdef bint some = False
    cdef uint32_t i
    for i in range(w.tap_count):
        some |= links_find(links, w.taps[i].ifindex) != NULL
    w.tapped |= some
    for i in range(w.tap_count):
        link = links_find(links, w.taps[i].ifindex)
        if link != NULL:
            put_link(&nics[i], link, w.taps[i].host_view)
            continue
        if links.complete and (w.tapped or w.taps[i].ifindex):
            clear_link(&nics[i])
        # Gone, or made anew under its name: look it up again; later, too, now and then.
        if w.taps[i].ifindex or depth == ALL:
            w.shape = r.shape - 1
    return some


cdef inline void clear_link(Interface* nic) noexcept nogil:
    nic.rx_bytes = nic.tx_bytes = nic.rx_packets = nic.tx_packets = UNKNOWN
    nic.rx_errors = nic.tx_errors = nic.rx_drops = nic.tx_drops = UNKNOWN


cdef inline void put_link(Interface* nic, const LinkStats* link, bint host_view) noexcept nogil:
    """libvirt's orientation: what the host's tap sends, the guest receives."""
    cdef uint64_t drops = link.rx_dropped + link.missed
    if host_view:
        nic.rx_bytes, nic.tx_bytes = link.rx_bytes, link.tx_bytes
        nic.rx_packets, nic.tx_packets = link.rx_packets, link.tx_packets
        nic.rx_errors, nic.tx_errors = link.rx_errors, link.tx_errors
        nic.rx_drops, nic.tx_drops = drops, link.tx_dropped
    else:
        nic.rx_bytes, nic.tx_bytes = link.tx_bytes, link.rx_bytes
        nic.rx_packets, nic.tx_packets = link.tx_packets, link.rx_packets
        nic.rx_errors, nic.tx_errors = link.tx_errors, link.rx_errors
        nic.rx_drops, nic.tx_drops = link.tx_dropped, drops
