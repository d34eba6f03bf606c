"""What CPU quotas below a guest's group have cost it, over vCPUs that come and go.

Owns the last figures of each group below, and the sum of those that are no more: libvirt removes a
vCPU's group with the vCPU, and what it had counted stays counted. Reads no file.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from rows cimport Throttle

cdef enum:
    EMULATOR = 0xffffffff    # the number of the one group that is of no vCPU

cdef struct Child:
    uint32_t number
    uint8_t seen             # in the reading under way
    Throttle last

cdef struct Below:
    Throttle gone
    Child* items             # of groups that ever counted a period
    uint32_t count
    uint32_t room


cdef inline void below_free(Below* b) noexcept nogil:
    free(b.items)
    memset(b, 0, sizeof(Below))


cdef inline void throttle_add(Throttle* sum, const Throttle* one) noexcept nogil:
    sum.periods += one.periods
    sum.throttled_periods += one.throttled_periods
    sum.throttled_ns += one.throttled_ns


cdef inline void below_begin(Below* b) noexcept nogil:
    """Before the groups are read anew."""
    cdef uint32_t i
    for i in range(b.count):
        b.items[i].seen = False


cdef inline Child* below_child(Below* b, uint32_t number) noexcept nogil:
    """The group of that number, made if it is new; NULL without memory."""
    cdef uint32_t i
    cdef Child* grown
    for i in range(b.count):
        if b.items[i].number == number:
            return &b.items[i]
    if b.count == b.room:
        grown = <Child*>realloc(b.items, (b.room + 4) * sizeof(Child))
        if grown == NULL:
            return NULL
        b.items = grown
        b.room += 4
    memset(&b.items[b.count], 0, sizeof(Child))
    b.items[b.count].number = number
    b.count += 1
    return &b.items[b.count - 1]


cdef inline int below_put(Below* b, uint32_t number, const Throttle* now) noexcept nogil:
    """A group's figures; smaller ones are of another group by that name. -1 without memory."""
    cdef Child* child
    if now.periods == 0 and b.count == 0:
        return 0
    child = below_child(b, number)
    if child == NULL:
        return -1
    if now.periods < child.last.periods:
        throttle_add(&b.gone, &child.last)
    child.last = now[0]
    child.seen = True
    return 0


cdef inline void below_sum(Below* b, Throttle* sum) noexcept nogil:
    """After all groups were read: those that were not there are no more."""
    cdef uint32_t i = 0
    while i < b.count:
        if b.items[i].seen:
            throttle_add(sum, &b.items[i].last)
            i += 1
        else:
            throttle_add(&b.gone, &b.items[i].last)
            b.count -= 1
            b.items[i] = b.items[b.count]
    throttle_add(sum, &b.gone)
