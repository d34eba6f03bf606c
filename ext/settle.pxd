"""Stops that are not yet concluded: each held until libvirt confirms it, or its guest starts again.

Owned by whoever has the turn (ext/pipe.pxd). A stop is ``due`` when the reboot window has passed;
from then on libvirt is asked about it, every ASK_NS while there is a connection, until it answers. What
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
    LONGEST_NS = 3600000000000   # at most until it is time to look again
    BODY_ROOM = 128

cdef struct Line:
    # Stops in the order of `next_ns`: each is put behind the others, for as long as they were.
    uint32_t first
    uint32_t last

cdef struct OpenStop:
    uint64_t due_ns          # CLOCK_MONOTONIC
    uint64_t next_ns         # when to see to it: its place in its line
    uint64_t stopped_ns      # CLOCK_REALTIME of the stop
    uint64_t sequence        # of the stop, in its class
    int32_t detail
    uint8_t uuid[16]
    uint8_t asked            # libvirt has been asked about it
    Record* record           # header, name, and BODY_ROOM bytes; NULL: the place is free
    Line* line
    uint32_t before          # its neighbours in line, or NO_ROW; of a free place, the next free one
    uint32_t after

cdef struct Settling:
    UuidMap map
    OpenStop* stops          # each keeps its place; it is pointed to by number
    uint32_t count
    uint32_t used            # places that have been used so far
    uint32_t room
    uint32_t free
    Line waiting             # for the end of the reboot window
    Line due                 # for libvirt's answer
    uint64_t window_ns


cdef inline const uint8_t* stop_uuid(void* settling, uint32_t number) noexcept nogil:
    return (<Settling*>settling).stops[number].uuid


cdef inline int settling_init(Settling* settling, uint64_t window_ns) noexcept nogil:
    """0, or -1 without memory. It must not move afterwards."""
    memset(settling, 0, sizeof(Settling))
    settling.window_ns = window_ns
    settling.free = NO_ROW
    settling.waiting.first = settling.waiting.last = NO_ROW
    settling.due.first = settling.due.last = NO_ROW
    return map_init(&settling.map, stop_uuid, settling)


cdef inline void settling_free(Settling* settling) noexcept nogil:
    cdef uint32_t i
    for i in range(settling.used):
        free(settling.stops[i].record)
    free(settling.stops)
    settling.stops = NULL
    map_free(&settling.map)


cdef inline OpenStop* open_stop(const Settling* settling, const uint8_t* uuid) noexcept nogil:
    """The guest's stop that is not concluded, or NULL."""
    cdef uint32_t number = map_find(&settling.map, uuid)
    return &settling.stops[number] if number != NO_ROW else NULL


cdef inline void line_up(
    Settling* settling, OpenStop* stop, Line* line, uint64_t next_ns
) noexcept nogil:
    """Put a stop at the end of a line."""
    cdef uint32_t number = <uint32_t>(stop - settling.stops)
    stop.line, stop.next_ns = line, next_ns
    stop.before, stop.after = line.last, NO_ROW
    if line.last == NO_ROW:
        line.first = number
    else:
        settling.stops[line.last].after = number
    line.last = number


cdef inline void leave_line(Settling* settling, OpenStop* stop) noexcept nogil:
    if stop.before == NO_ROW:
        stop.line.first = stop.after
    else:
        settling.stops[stop.before].after = stop.after
    if stop.after == NO_ROW:
        stop.line.last = stop.before
    else:
        settling.stops[stop.after].before = stop.before


cdef inline OpenStop* free_place(Settling* settling) noexcept nogil:
    """Room for one more; NULL without memory."""
    cdef uint32_t room
    cdef OpenStop* grown
    if settling.free != NO_ROW:
        return &settling.stops[settling.free]
    if settling.used == settling.room:
        room = settling.room * 2 + 64
        grown = <OpenStop*>realloc(settling.stops, room * sizeof(OpenStop))
        if grown == NULL:
            return NULL
        settling.stops, settling.room = grown, room
    return &settling.stops[settling.used]


cdef inline Record* stop_record(const Record* about) noexcept nogil:
    cdef size_t size = sizeof(Record) + about.name_size
    cdef Record* record = <Record*>malloc(size + BODY_ROOM)
    if record != NULL:
        memcpy(record, about, size)
        record.about, record.origin = ABOUT_GUEST, ORIGIN_LIVE
    return record


cdef inline OpenStop* new_stop(Settling* settling, const Record* stopped) noexcept nogil:
    """A guest's stop, of which the caller says the rest; NULL without memory."""
    cdef OpenStop* stop = free_place(settling)
    cdef Record* record
    cdef uint32_t number
    if stop == NULL:
        return NULL
    number = <uint32_t>(stop - settling.stops)
    record = stop_record(stopped)
    memcpy(stop.uuid, stopped.uuid, 16)
    if record == NULL or map_put(&settling.map, stopped.uuid, number) < 0:
        free(record)
        return NULL
    if number == settling.free:
        settling.free = stop.after
    else:
        settling.used += 1
    settling.count += 1
    stop.record = record
    return stop


cdef inline int hold_stop(Settling* settling, const Record* stopped, uint64_t sequence) noexcept nogil:
    """Hold a stop open, the guest's newest; -1 without memory."""
    cdef OpenStop* stop = open_stop(settling, stopped.uuid)
    if stop != NULL:
        leave_line(settling, stop)
    else:
        stop = new_stop(settling, stopped)
    if stop == NULL:
        return -1
    stop.due_ns = monotonic_ns() + settling.window_ns
    stop.asked = 0
    stop.stopped_ns, stop.sequence, stop.detail = stopped.time_ns, sequence, stopped.detail
    line_up(settling, stop, &settling.waiting, stop.due_ns)
    return 0


cdef inline Record* close_stop(
    Settling* settling, OpenStop* stop, int kind, const Names* details
) noexcept nogil:
    """Take a stop out; the record of its conclusion, which the caller frees."""
    cdef Record* record = stop.record
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
    leave_line(settling, stop)
    stop.record = NULL
    stop.after, settling.free = settling.free, <uint32_t>(stop - settling.stops)
    settling.count -= 1
    return record


cdef inline uint64_t see_to(
    Settling* settling, Line* line, Wanted* wanted, int connected, uint64_t now
) noexcept nogil:
    """Have libvirt asked about the stops of a line that are due; returns when the next one is."""
    cdef OpenStop* stop
    while line.first != NO_ROW:
        stop = &settling.stops[line.first]
        if stop.next_ns > now:
            return stop.next_ns
        # Again only when the keeper has taken what it was asked before.
        if connected and (not stop.asked or wanted.count == 0):
            stop.asked = 1
            want(wanted, stop.uuid)
        leave_line(settling, stop)
        line_up(settling, stop, &settling.due, now + ASK_NS)
    return now + LONGEST_NS


cdef inline uint64_t ask_about_stops(
    Settling* settling, Wanted* wanted, int connected, uint64_t now
) noexcept nogil:
    """Have libvirt asked about every stop that is due; returns when to call again."""
    cdef uint64_t next = see_to(settling, &settling.waiting, wanted, connected, now)
    return min(next, see_to(settling, &settling.due, wanted, connected, now))
