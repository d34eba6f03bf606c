"""The record: one event as it travels through the pipe, written by callbacks, read by the dispatcher.

A header of fixed size, then ``name_size`` bytes of name, then the body: MessagePack pairs
(``fields`` of them) holding what the kind adds to the common fields. Host byte order: a record
never leaves the process.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    # What a record is: below 64 a kind of event (hostmon/kinds.py numbers them), above a message
    # from the connection keeper to the dispatcher.
    KIND_LIMIT = 64
    RECORD_FACTS = 64
    RECORD_RESYNC_BEGIN = 65
    RECORD_RESYNC_GUEST = 66
    RECORD_RESYNC_END = 67
    RECORD_GONE = 68

    RECORD_MAX = 65536       # a larger one is cut by its writer, marked, never torn

    ABOUT_HOST = 0
    ABOUT_GUEST = 1
    ABOUT_OBJECT = 2         # a network or a pool

    ORIGIN_LIVE = 0
    ORIGIN_RESYNC = 1
    ORIGIN_KERNEL = 2

cdef packed struct Record:
    uint32_t size            # of header, name and body together
    uint16_t kind
    uint8_t fields           # MessagePack pairs in the body
    uint8_t truncated        # texts or lists were longer than a record may carry
    int32_t event            # lifecycle, and the state of agent-lifecycle: libvirt's numbers
    int32_t detail
    int32_t id               # libvirt's domain id, -1 when inactive
    uint8_t uuid[16]
    uint16_t name_size
    uint8_t origin
    uint8_t about            # ABOUT_*: whose the uuid and the name are
    uint64_t time_ns         # CLOCK_REALTIME at the callback
    uint64_t monotonic_ns    # CLOCK_MONOTONIC at the callback

cdef packed struct Facts:
    # The body of RECORD_FACTS and RECORD_RESYNC_GUEST; hostmon/records.py packs it.
    int32_t state
    int32_t reason
    uint64_t vcpus
    uint64_t vcpus_max
    uint64_t memory
    uint64_t memory_max
    uint64_t cpu_time_ns
    uint64_t defined_vcpus   # of the configuration: all that it may grow to
    uint64_t defined_memory
    uint8_t persistent
    uint8_t autostart
