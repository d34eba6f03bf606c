"""Owner of one pipe from callbacks to dispatcher; what travels in it: ext/record.pxd.

Python uses it to make one, to hand its address to the callbacks and the dispatcher, to put records
of the connection keeper's into the same stream, and to read its counters.
"""

import fcntl
import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from clock cimport monotonic_ns, realtime_ns
from mutex cimport pthread_mutex_destroy, pthread_mutex_init
from pipe cimport Pipe, pipe_put
from record cimport RECORD_MAX, Record

PIPE_SIZE = 1 << 20


cdef class EventPipe:
    """A pipe of ``pipe_size`` bytes and, behind it, a native queue of ``queue_size`` bytes."""

    cdef Pipe pipe

    def __cinit__(self, size_t queue_size=8 << 20, int pipe_size=PIPE_SIZE):
        self.pipe.read_fd = self.pipe.write_fd = self.pipe.bell_fd = -1
        pthread_mutex_init(&self.pipe.lock, NULL)
        pthread_mutex_init(&self.pipe.turn, NULL)
        if queue_size <= RECORD_MAX:
            raise ValueError(f"queue_size is {queue_size}; give more than {RECORD_MAX} bytes")
        # Untouched pages of the queue cost no memory.
        self.pipe.queue = <uint8_t*>calloc(queue_size, 1)
        if self.pipe.queue == NULL:
            raise MemoryError
        self.pipe.capacity = queue_size
        self.pipe.bell_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.pipe.read_fd, self.pipe.write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.fcntl(self.pipe.write_fd, fcntl.F_SETPIPE_SZ, pipe_size)
        except PermissionError:
            pass  # beyond the user's allowance (pipe-user-pages-soft): the queue takes the rest

    def __dealloc__(self):
        for fd in (self.pipe.read_fd, self.pipe.write_fd, self.pipe.bell_fd):
            if fd >= 0:
                os.close(fd)
        free(self.pipe.queue)
        pthread_mutex_destroy(&self.pipe.lock)
        pthread_mutex_destroy(&self.pipe.turn)

    @property
    def address(self):
        return <uintptr_t>&self.pipe

    def ring(self):
        """Wake the reader; from any thread."""
        os.eventfd_write(self.pipe.bell_fd, 1)

    @property
    def written(self):
        return self.pipe.written

    @property
    def queued(self):
        return self.pipe.queued

    @property
    def lost(self):
        return self.pipe.lost

    def put(self, bytes record not None):
        """Put one record made by :func:`record`; False when the queue was full and it was lost."""
        cdef const char* data = PyBytes_AS_STRING(record)
        cdef size_t size = PyBytes_GET_SIZE(record)
        cdef int result
        if size < sizeof(Record) or size > RECORD_MAX or (<const Record*>data).size != size:
            raise ValueError(f"not a record: {size} bytes")
        with nogil:
            result = pipe_put(&self.pipe, <const Record*>data)
        return result == 0


def record(
    int kind, *, bytes uuid=b"", bytes name=b"", int fields=0, bytes body=b"", int event=-1,
    int detail=-1, int id=-1, int origin=0, bint truncated=False, monotonic=None,
):
    """One record as bytes; ``monotonic`` is the time, in ns, that what it says was true at."""
    cdef Record header
    if len(uuid) not in (0, 16):
        raise ValueError(f"uuid of {len(uuid)} bytes; give 16, or none for the host")
    memset(&header, 0, sizeof(header))
    header.size = sizeof(Record) + len(name) + len(body)
    header.kind = kind
    header.fields = fields
    header.truncated = truncated
    header.event = event
    header.detail = detail
    header.id = id
    if uuid:
        memcpy(header.uuid, PyBytes_AS_STRING(uuid), 16)
        header.about = 1
    header.name_size = len(name)
    header.origin = origin
    header.time_ns = realtime_ns()
    header.monotonic_ns = monotonic_ns() if monotonic is None else monotonic
    return PyBytes_FromStringAndSize(<char*>&header, sizeof(header)) + name + body


cdef extern from "Python.h":
    bytes PyBytes_FromStringAndSize(const char*, Py_ssize_t)
