"""Notice of a QEMU process's end: a pidfd a guest, all behind one descriptor to poll.

Owns the pidfds, from `deaths_add` until the process has ended and `deaths_take` told of it. The
descriptor `Deaths.fd` is readable while an end waits to be taken. Any thread may add; one takes.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from mutex cimport (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_t,
    pthread_mutex_unlock,
)
from poll cimport POLLIN, poll, pollfd
from textfile cimport close

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int)
    int epoll_ctl(int, int, int, epoll_event*)
    int epoll_wait(int, epoll_event*, int, int)
    enum:
        EPOLL_CLOEXEC
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
        EPOLLIN

cdef extern from *:
    """
    #include <sys/syscall.h>
    #include <unistd.h>
    /* Debian 12's glibc declares it only for C callers of a later header; the call is kernel 5.3's. */
    static inline int open_pidfd(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
    """
    int open_pidfd(int pid) nogil

cdef enum:
    TAKE = 64

cdef struct Death:
    uint8_t uuid[16]
    uint64_t pid

cdef struct Watched:
    Death who
    int pidfd                # -1: the slot is free, and `next` the next free one
    uint32_t next

cdef struct Deaths:
    pthread_mutex_t lock     # never held across a call that waits
    int fd
    Watched* watched
    uint32_t room
    uint32_t used            # slots ever used
    uint32_t spare           # first free slot + 1, 0 for none
    uint32_t count           # processes watched now


cdef inline bint pidfd_ended(int pidfd) noexcept nogil:
    """Whether its process has ended: then the process's number may be another's by now."""
    cdef pollfd fd
    fd.fd, fd.events, fd.revents = pidfd, POLLIN, 0
    return poll(&fd, 1, 0) == 1


cdef inline int deaths_init(Deaths* deaths) noexcept nogil:
    memset(deaths, 0, sizeof(Deaths))
    pthread_mutex_init(&deaths.lock, NULL)
    deaths.fd = epoll_create1(EPOLL_CLOEXEC)
    return -1 if deaths.fd < 0 else 0


cdef inline void deaths_free(Deaths* deaths) noexcept nogil:
    cdef uint32_t i
    for i in range(deaths.used):
        if deaths.watched[i].pidfd >= 0:
            close(deaths.watched[i].pidfd)
    free(deaths.watched)
    deaths.watched = NULL
    if deaths.fd >= 0:
        close(deaths.fd)
    pthread_mutex_destroy(&deaths.lock)


cdef inline int new_slot(Deaths* deaths) noexcept nogil:
    """A free slot, or -1 without memory."""
    cdef uint32_t room
    cdef Watched* grown
    cdef uint32_t slot
    if deaths.spare:
        slot = deaths.spare - 1
        deaths.spare = deaths.watched[slot].next
        return slot
    if deaths.used == deaths.room:
        room = deaths.room + deaths.room // 4 + 64
        grown = <Watched*>realloc(deaths.watched, room * sizeof(Watched))
        if grown == NULL:
            return -1
        deaths.watched = grown
        deaths.room = room
    deaths.used += 1
    return deaths.used - 1


cdef inline void free_slot(Deaths* deaths, uint32_t slot) noexcept nogil:
    deaths.watched[slot].pidfd = -1
    deaths.watched[slot].next = deaths.spare
    deaths.spare = slot + 1


cdef inline int deaths_add(Deaths* deaths, const uint8_t* uuid, uint64_t pid, int pidfd) noexcept nogil:
    """Watch a process whose pidfd is open; takes the pidfd over. -1 if it cannot be watched."""
    cdef epoll_event event
    cdef int slot
    cdef int failed
    pthread_mutex_lock(&deaths.lock)
    slot = new_slot(deaths)
    if slot >= 0:
        memcpy(deaths.watched[slot].who.uuid, uuid, 16)
        deaths.watched[slot].who.pid = pid
        deaths.watched[slot].pidfd = pidfd
        event.events = EPOLLIN
        event.data.u64 = slot
        failed = epoll_ctl(deaths.fd, EPOLL_CTL_ADD, pidfd, &event)
        if failed:
            free_slot(deaths, slot)
            slot = -1
        else:
            deaths.count += 1
    pthread_mutex_unlock(&deaths.lock)
    if slot < 0:
        close(pidfd)
        return -1
    return 0


cdef inline int deaths_take(Deaths* deaths, Death* out, int room) noexcept nogil:
    """Processes that have ended, each told once; how many. Never waits; ask again until 0."""
    cdef epoll_event events[TAKE]
    cdef Watched* watched
    cdef int found = epoll_wait(deaths.fd, events, min(room, <int>TAKE), 0)
    cdef int i
    if found <= 0:
        return 0
    pthread_mutex_lock(&deaths.lock)
    for i in range(found):
        watched = &deaths.watched[events[i].data.u64]
        out[i] = watched.who
        epoll_ctl(deaths.fd, EPOLL_CTL_DEL, watched.pidfd, &events[i])
        close(watched.pidfd)
        free_slot(deaths, <uint32_t>events[i].data.u64)
        deaths.count -= 1
    pthread_mutex_unlock(&deaths.lock)
    return found
