"""Stops that are not yet concluded: each held until libvirt confirms it, or its guest starts again.

Owned by the dispatcher's thread alone. A stop is ``due`` when the reboot window has passed; from
then on libvirt is asked about it, every ASK_NS while there is a connection, until it answers. What
a conclusion is published as stands in the open stop's own record.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from clock cimport monotonic_ns, realtime_ns
from msgpack cimport Buffer, buffer_over, buffer_size, put_text, put_uint
from names cimport Names, put_name
from record cimport ABOUT_GUEST, ORIGIN_LIVE, Record
from uuidmap cimport NO_ROW, UuidMap, map_drop, map_find, map_free, map_init, map_put
from wanted cimport Wanted, want

cdef enum:
    ASK_NS = 500000000
    BODY_ROOM = 128

cdef struct OpenStop:
    uint64_t due_ns          # CLOCK_MONOTONIC
    uint64_t asked_ns
    uint64_t stopped_ns      # CLOCK_REALTIME of the stop
    uint64_t sequence        # of the stop, in its class
    int32_t detail
    uint8_t uuid[16]
    Record* record           # header, name, and BODY_ROOM bytes

cdef struct Settling:
    UuidMap map
    OpenStop* stops
    uint32_t count
    uint32_t room
    uint64_t window_ns


cdef inline const uint8_t* stop_uuid(void* settling, uint32_t number) noexcept nogil:
    return (<Settling*>settling).stops[number].uuid


cdef inline int settling_init(Settling* settling, uint64_t window_ns) noexcept nogil:
    """0, or -1 without memory. It must not move afterwards."""
    memset(settling, 0, sizeof(Settling))
    settling.window_ns = window_ns
    return map_init(&settling.map, stop_uuid, settling)


cdef inline void settling_free(Settling* settling) noexcept nogil:
    cdef uint32_t i
    for i in range(settling.count):
        free(settling.stops[i].record)
    free(settling.stops)
    settling.stops = NULL
    map_free(&settling.map)


cdef inline OpenStop* open_stop(const Settling* settling, const uint8_t* uuid) noexcept nogil:
    """The guest's stop that is not concluded, or NULL."""
    cdef uint32_t number = map_find(&settling.map, uuid)
    return &settling.stops[number] if number != NO_ROW else NULL


cdef inline Record* stop_record(const Record* about) noexcept nogil:
    cdef size_t size = sizeof(Record) + about.name_size
    cdef Record* record = <Record*>malloc(size + BODY_ROOM)
    if record != NULL:
        memcpy(record, about, size)
        record.about, record.origin = ABOUT_GUEST, ORIGIN_LIVE
    return record


cdef inline int hold_stop(Settling* settling, const Record* stopped, uint64_t sequence) noexcept nogil:
    """Hold a stop open, the guest's newest; -1 without memory."""
    cdef uint32_t room
    cdef OpenStop* grown
    cdef OpenStop* stop = open_stop(settling, stopped.uuid)
    if stop == NULL:
        if settling.count == settling.room:
            room = settling.room * 2 + 64
            grown = <OpenStop*>realloc(settling.stops, room * sizeof(OpenStop))
            if grown == NULL:
                return -1
            settling.stops, settling.room = grown, room
        stop = &settling.stops[settling.count]
        memset(stop, 0, sizeof(OpenStop))
        memcpy(stop.uuid, stopped.uuid, 16)
        stop.record = stop_record(stopped)
        if stop.record == NULL or map_put(&settling.map, stopped.uuid, settling.count) < 0:
            free(stop.record)
            return -1
        settling.count += 1
    stop.due_ns = monotonic_ns() + settling.window_ns
    stop.asked_ns = 0
    stop.stopped_ns, stop.sequence, stop.detail = stopped.time_ns, sequence, stopped.detail
    return 0


cdef inline Record* close_stop(
    Settling* settling, OpenStop* stop, int kind, const Names* details
) noexcept nogil:
    """Take a stop out; the record of its conclusion, which the caller frees."""
    cdef Record* record = stop.record
    cdef uint32_t number = <uint32_t>(stop - settling.stops)
    cdef uint32_t last = settling.count - 1
    cdef Buffer body
    buffer_over(&body, <uint8_t*>record + sizeof(Record) + record.name_size, BODY_ROOM)
    put_text(&body, "detail")
    put_name(&body, details, stop.detail)
    put_text(&body, "stopped_ns")
    put_uint(&body, stop.stopped_ns)
    put_text(&body, "stop_sequence")
    put_uint(&body, stop.sequence)
    record.kind, record.fields = kind, 3
    record.time_ns, record.monotonic_ns = realtime_ns(), monotonic_ns()
    record.size = <uint32_t>(sizeof(Record) + record.name_size + buffer_size(&body))
    map_drop(&settling.map, stop.uuid)
    if number != last:
        map_drop(&settling.map, settling.stops[last].uuid)
        settling.stops[number] = settling.stops[last]
    settling.count = last
    if number != last:
        map_put(&settling.map, settling.stops[number].uuid, number)
    return record


cdef inline uint64_t ask_about_stops(
    Settling* settling, Wanted* wanted, int connected, uint64_t now
) noexcept nogil:
    """Have libvirt asked about every stop that is due; returns when to call again."""
    cdef uint64_t next = now + 3600 * <uint64_t>1000000000
    cdef OpenStop* stop
    cdef uint32_t i
    for i in range(settling.count):
        stop = &settling.stops[i]
        if stop.due_ns > now:
            next = min(next, stop.due_ns)
            continue
        # Again only when the keeper has taken what it was asked before.
        if connected and now - stop.asked_ns >= ASK_NS and (stop.asked_ns == 0 or wanted.count == 0):
            stop.asked_ns = now
            want(wanted, stop.uuid)
        next = min(next, max(now, stop.asked_ns) + ASK_NS)
    return next
