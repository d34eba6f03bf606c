"""Guests that the connection keeper should look up: a bounded list, and a descriptor to wake it.

The dispatcher appends, each guest once until it was taken; the keeper takes. More than it holds
becomes ``all``: everything is listed anew.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.unistd cimport write

from mutex cimport pthread_mutex_lock, pthread_mutex_t, pthread_mutex_unlock

cdef enum:
    WANTED_ROOM = 16384

cdef struct Wanted:
    pthread_mutex_t lock
    int fd                   # an eventfd, readable while something is wanted
    uint32_t count
    int all
    uint8_t uuids[WANTED_ROOM][16]


cdef inline void wanted_ring(Wanted* wanted) noexcept nogil:
    cdef uint64_t one = 1
    write(wanted.fd, &one, 8)


cdef inline void want_all(Wanted* wanted) noexcept nogil:
    """Everything should be compared with libvirt."""
    pthread_mutex_lock(&wanted.lock)
    wanted.all = 1
    pthread_mutex_unlock(&wanted.lock)
    wanted_ring(wanted)


cdef inline void want(Wanted* wanted, const uint8_t* uuid) noexcept nogil:
    """One guest should be looked up; the caller sees to it that it is not wanted yet."""
    pthread_mutex_lock(&wanted.lock)
    if wanted.count < WANTED_ROOM:
        memcpy(wanted.uuids[wanted.count], uuid, 16)
        wanted.count += 1
    else:
        wanted.all = 1
    pthread_mutex_unlock(&wanted.lock)
    wanted_ring(wanted)
