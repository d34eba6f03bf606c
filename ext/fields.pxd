"""Which field of libvirt's statistics is which column: the names of virConnectGetAllDomainStats.

Owns the lists only. libvirt gives memory in KiB and times in nanoseconds unless said otherwise.
"""

from libc.stdint cimport uint64_t

from params cimport Column, column
from rows cimport *

cdef enum:
    KIB = 1024
    MIB = 1048576
    MS = 1000000
    CPU_COLUMNS = 3
    BALLOON_COLUMNS = 14
    DIRTY_COLUMNS = 4
    VCPU_COLUMNS = 4
    DISK_COLUMNS = 12
    NET_COLUMNS = 8
    IOTHREAD_COLUMNS = 3

cdef struct Fields:
    Column cpu[CPU_COLUMNS]
    Column balloon[BALLOON_COLUMNS]
    Column dirty[DIRTY_COLUMNS]
    Column vcpu[VCPU_COLUMNS]
    Column disk[DISK_COLUMNS]
    Column net[NET_COLUMNS]
    Column iothread[IOTHREAD_COLUMNS]


cdef inline void load_fields(Fields* f) noexcept:
    """Fill the lists; once, when the extension loads."""
    cdef Cpu c
    cdef Balloon b
    cdef DirtyRate r
    f.cpu = [
        column(b"time", &c.time_ns, &c, 1),
        column(b"user", &c.user_ns, &c, 1),
        column(b"system", &c.system_ns, &c, 1),
    ]
    f.balloon = [
        column(b"current", &b.current, &b, KIB),
        column(b"maximum", &b.maximum, &b, KIB),
        column(b"swap_in", &b.swap_in, &b, KIB),
        column(b"swap_out", &b.swap_out, &b, KIB),
        column(b"major_fault", &b.major_faults, &b, 1),
        column(b"minor_fault", &b.minor_faults, &b, 1),
        column(b"unused", &b.unused, &b, KIB),
        column(b"available", &b.available, &b, KIB),
        column(b"usable", &b.usable, &b, KIB),
        column(b"disk_caches", &b.disk_caches, &b, KIB),
        column(b"last-update", &b.last_update_s, &b, 1),
        column(b"hugetlb_pgalloc", &b.hugetlb_allocations, &b, 1),
        column(b"hugetlb_pgfail", &b.hugetlb_failures, &b, 1),
        column(b"rss", &b.rss, &b, KIB),
    ]
    f.dirty = [
        column(b"calc_status", &r.status, &r, 1),
        column(b"calc_start_time", &r.start_s, &r, 1),
        column(b"calc_period", &r.period_s, &r, 1),
        column(b"megabytes_per_second", &r.bytes_per_s, &r, MIB),
    ]
    load_device_fields(f)


cdef inline void load_device_fields(Fields* f) noexcept:
    cdef Vcpu v
    cdef Disk d
    cdef Interface n
    cdef IOThread t
    f.vcpu = [
        column(b"state", &v.state, &v, 1),
        column(b"time", &v.run_ns, &v, 1),
        column(b"delay", &v.delay_ns, &v, 1),
        column(b"wait", &v.wait_ns, &v, 1),
    ]
    f.disk = [
        column(b"rd.reqs", &d.read_requests, &d, 1),
        column(b"rd.bytes", &d.read_bytes, &d, 1),
        column(b"rd.times", &d.read_ns, &d, 1),
        column(b"wr.reqs", &d.write_requests, &d, 1),
        column(b"wr.bytes", &d.write_bytes, &d, 1),
        column(b"wr.times", &d.write_ns, &d, 1),
        column(b"fl.reqs", &d.flush_requests, &d, 1),
        column(b"fl.times", &d.flush_ns, &d, 1),
        column(b"errors", &d.errors, &d, 1),
        column(b"allocation", &d.allocation, &d, 1),
        column(b"capacity", &d.capacity, &d, 1),
        column(b"physical", &d.physical, &d, 1),
    ]
    f.net = [
        column(b"rx.bytes", &n.rx_bytes, &n, 1),
        column(b"rx.pkts", &n.rx_packets, &n, 1),
        column(b"rx.errs", &n.rx_errors, &n, 1),
        column(b"rx.drop", &n.rx_drops, &n, 1),
        column(b"tx.bytes", &n.tx_bytes, &n, 1),
        column(b"tx.pkts", &n.tx_packets, &n, 1),
        column(b"tx.errs", &n.tx_errors, &n, 1),
        column(b"tx.drop", &n.tx_drops, &n, 1),
    ]
    f.iothread = [
        column(b"poll-max-ns", &t.poll_max_ns, &t, 1),
        column(b"poll-grow", &t.poll_grow, &t, 1),
        column(b"poll-shrink", &t.poll_shrink, &t, 1),
    ]
