"""The dispatcher's rest between two turns: what ends it, and who may have the turn meanwhile.

Inline functions, without the GIL. Where an event was dispatched in the dispatcher's place and
something is left to do, it is woken a moment later: at once, it would compete for the processor
with the event that is just on its way out.
"""

from libc.errno cimport errno
from libc.stdint cimport uint64_t
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, itimerspec, timespec
from posix.unistd cimport close, read

from mutex cimport pthread_mutex_lock, pthread_mutex_unlock
from pipe cimport Pipe, write_now
from poll cimport POLLIN, pollfd, ppoll

cdef extern from "<sys/timerfd.h>" nogil:
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec* new, itimerspec* old)
    enum:
        TFD_CLOEXEC
        TFD_NONBLOCK

cdef enum:
    SECOND = 1000000000
    SOON_NS = 200000         # an event is with its subscribers after 100 us

cdef struct Rest:
    pollfd pipe, bell, socket, timer
    bint timed               # the timer runs
    uint64_t until           # when it ends by itself


cdef inline int rest_init(Rest* rest, const Pipe* pipe) except -1:
    """Make the timer; give it to `rest_free`."""
    cdef int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)
    if timer < 0:
        raise OSError(errno, "the dispatcher gets no timer (timerfd_create)")
    rest.pipe.fd, rest.bell.fd, rest.socket.fd = pipe.read_fd, pipe.bell_fd, -1
    rest.timer.fd = timer
    rest.pipe.events = rest.bell.events = rest.socket.events = rest.timer.events = POLLIN
    return 0


cdef inline void rest_free(Rest* rest) noexcept:
    if rest.timer.fd > 0:
        close(rest.timer.fd)


cdef inline void set_timer(Rest* rest, uint64_t after_ns) noexcept nogil:
    """So many nanoseconds from now, less than a second; 0: never."""
    cdef itimerspec when
    memset(&when, 0, sizeof(when))
    when.it_value.tv_nsec = after_ns
    timerfd_settime(rest.timer.fd, 0, &when, NULL)
    rest.timed = after_ns > 0


cdef inline void rest_end_soon(Rest* rest) noexcept nogil:
    """Have the rest end in a moment; the caller has the turn."""
    set_timer(rest, SOON_NS)


cdef inline void rest_until(Rest* rest, Pipe* pipe, uint64_t now, uint64_t next) noexcept nogil:
    """Give up the turn until there is something to do, at ``next`` at the latest."""
    cdef timespec pause
    cdef uint64_t rung
    rest.until = next
    write_now(pipe.busy_ns, now)
    pause.tv_sec, pause.tv_nsec = (next - now) // SECOND, (next - now) % SECOND
    pthread_mutex_unlock(&pipe.turn)
    ppoll(&rest.pipe, 4, &pause, NULL)
    pthread_mutex_lock(&pipe.turn)
    if rest.bell.revents:
        read(rest.bell.fd, &rung, 8)
    if rest.timed:
        set_timer(rest, 0)
