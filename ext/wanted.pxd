"""Guests that the connection keeper should look up: a bounded list, and a descriptor to wake it.

Whoever has the turn (ext/pipe.pxd) appends, each guest once until it was taken; the keeper takes.
More than it holds becomes ``all``: everything is listed anew. The keeper is woken a moment later: woken at once, it
competed for the processor with the event that was just on its way out, which cost that 20 us.
"""

from libc.stdint cimport UINT64_MAX, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy
from posix.unistd cimport close, read, write

from clock cimport monotonic_ns
from mutex cimport (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_t,
    pthread_mutex_unlock,
)

cdef enum:
    WANTED_ROOM = 16384
    RING_AFTER_NS = 200000   # an event is with its subscribers after 100 us

cdef struct Wanted:
    pthread_mutex_t lock
    int fd                   # an eventfd, readable while something is wanted
    uint64_t ring_ns         # when to wake the keeper, for who has the turn alone; 0: nothing new
    uint32_t count
    int all
    uint64_t lapsed_ns       # when all was last wanted: what was compared before does not do
    uint8_t uuids[WANTED_ROOM][16]


cdef inline Wanted* wanted_new() except NULL:
    """An empty list; give it to `wanted_free`."""
    import os

    cdef Wanted* wanted = <Wanted*>calloc(1, sizeof(Wanted))
    if wanted == NULL:
        raise MemoryError
    pthread_mutex_init(&wanted.lock, NULL)
    wanted.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    return wanted


cdef inline void wanted_free(Wanted* wanted) noexcept:
    if wanted != NULL:
        close(wanted.fd)
        pthread_mutex_destroy(&wanted.lock)
        free(wanted)


cdef inline uint64_t wanted_ring(Wanted* wanted, uint64_t now) noexcept nogil:
    """Wake the keeper if that is due; returns when to call again, UINT64_MAX if never."""
    cdef uint64_t one = 1
    if wanted.ring_ns == 0:
        return UINT64_MAX
    if now < wanted.ring_ns:
        return wanted.ring_ns
    wanted.ring_ns = 0
    write(wanted.fd, &one, 8)
    return UINT64_MAX


cdef inline void ring_soon(Wanted* wanted) noexcept nogil:
    if wanted.ring_ns == 0:
        wanted.ring_ns = monotonic_ns() + RING_AFTER_NS


cdef inline void wanted_lapse(Wanted* wanted) noexcept nogil:
    """One by one will not do; the lock is held."""
    wanted.all = 1
    wanted.lapsed_ns = monotonic_ns()


cdef inline void want_all(Wanted* wanted) noexcept nogil:
    """Everything should be compared with libvirt."""
    pthread_mutex_lock(&wanted.lock)
    wanted_lapse(wanted)
    pthread_mutex_unlock(&wanted.lock)
    ring_soon(wanted)


cdef inline void want(Wanted* wanted, const uint8_t* uuid) noexcept nogil:
    """One guest should be looked up; the caller sees to it that it is not wanted yet."""
    pthread_mutex_lock(&wanted.lock)
    if wanted.count < WANTED_ROOM:
        memcpy(wanted.uuids[wanted.count], uuid, 16)
        wanted.count += 1
    else:
        wanted_lapse(wanted)
    pthread_mutex_unlock(&wanted.lock)
    ring_soon(wanted)


cdef inline list wanted_taken(Wanted* wanted):
    """Take the guests, 16 bytes each; None: compare everything.

    Python makes its objects after the lock, which the dispatcher takes under the table's.
    """
    cdef uint64_t rung
    cdef uint32_t i, count
    cdef int everything
    cdef char* taken = <char*>malloc(WANTED_ROOM * 16)  # no more of it is touched than is used
    if taken == NULL:
        raise MemoryError
    with nogil:
        pthread_mutex_lock(&wanted.lock)
        read(wanted.fd, &rung, 8)
        everything, count = wanted.all, wanted.count
        memcpy(taken, wanted.uuids, count * 16)
        wanted.all = wanted.count = 0
        pthread_mutex_unlock(&wanted.lock)
    try:
        return None if everything else [taken[16 * i:16 * i + 16] for i in range(count)]
    finally:
        free(taken)
