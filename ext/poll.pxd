"""poll(2), for the parts that wait without the GIL."""

from posix.time cimport timespec

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd*, unsigned long, int)
    int ppoll(pollfd*, unsigned long, const timespec*, const void*)
    enum:
        POLLIN
