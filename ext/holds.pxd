"""Stops that wait to be settled: a queue in the order in which they fall due.

Every stop waits equally long, so the order of arrival is the order of falling due, and both ends
cost the same however many wait. Knows nothing of what a stop means.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

cdef struct Hold:
    uint8_t uuid[16]
    uint64_t due_ns
    uint32_t serial          # tells a guest's holds apart; never 0

cdef struct Holds:
    Hold* ring               # a power of two, NULL before the first
    size_t room
    size_t head
    size_t count
    uint32_t serial          # the last one given


cdef inline int holds_grow(Holds* h) noexcept nogil:
    """Double the room; -1 without memory, and then nothing has changed."""
    cdef size_t room = h.room * 2 if h.room else 64
    cdef Hold* fresh = <Hold*>malloc(room * sizeof(Hold))
    cdef size_t i
    if fresh == NULL:
        return -1
    for i in range(h.count):
        fresh[i] = h.ring[(h.head + i) & (h.room - 1)]
    free(h.ring)
    h.ring = fresh
    h.room = room
    h.head = 0
    return 0


cdef inline uint32_t holds_put(Holds* h, const uint8_t* uuid, uint64_t due_ns) noexcept nogil:
    """Let one more wait: its serial, or 0 without memory."""
    cdef Hold* hold
    if h.count == h.room and holds_grow(h) < 0:
        return 0
    h.serial += 1
    if h.serial == 0:
        h.serial = 1
    hold = &h.ring[(h.head + h.count) & (h.room - 1)]
    memcpy(hold.uuid, uuid, 16)
    hold.due_ns = due_ns
    hold.serial = h.serial
    h.count += 1
    return h.serial


cdef inline uint64_t holds_next(const Holds* h) noexcept nogil:
    """When the first falls due, 0 if none waits."""
    return h.ring[h.head].due_ns if h.count else 0


cdef inline int holds_take(Holds* h, uint64_t now_ns, Hold* out) noexcept nogil:
    """The first one, if it is due: 1; else 0."""
    if not h.count or h.ring[h.head].due_ns > now_ns:
        return 0
    out[0] = h.ring[h.head]
    h.head = (h.head + 1) & (h.room - 1)
    h.count -= 1
    return 1
