"""The owner of the watched processes, and the notice of their end as an event in the pipe.

``run`` holds no GIL: from the end of a process to the record in the pipe no Python is in the way.
"""

import os

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

from clock cimport monotonic_ns, realtime_ns
from deaths cimport Death, Deaths, TAKE, deaths_add, deaths_free, deaths_init, deaths_take, open_pidfd
from kinds cimport KIND_PROCESS_EXIT
from msgpack cimport Buffer, buffer_over, buffer_size, put_text, put_uint
from pipe cimport Pipe, pipe_put
from poll cimport POLLIN, poll, pollfd
from record cimport ABOUT_GUEST, ORIGIN_KERNEL, Record
from rows cimport Row
from table cimport Table, table_array, table_find, table_lock, table_row, table_unlock
from uuidmap cimport NO_ROW

cdef enum:
    LONGEST_NAME = 4096
    ROOM = LONGEST_NAME + 256  # header and body besides


cdef class DeathWatch:
    """Tells of each watched process's end once, whoever was told of its beginning."""

    cdef Deaths deaths
    cdef int wake_fd
    cdef bint stopping

    def __cinit__(self):
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        if deaths_init(&self.deaths) < 0:
            raise OSError("no epoll descriptor: raise the limit on open files")

    def __dealloc__(self):
        deaths_free(&self.deaths)
        os.close(self.wake_fd)

    def run(self, pipe, table):
        """Put an event into the pipe for every process that ends, until :meth:`stop`."""
        cdef Pipe* to = <Pipe*><uintptr_t>pipe.address
        cdef Table* guests = <Table*><uintptr_t>table.address
        cdef Death ended[TAKE]
        cdef pollfd fds[2]
        cdef int count
        cdef int i
        fds[0].fd, fds[1].fd = self.deaths.fd, self.wake_fd
        fds[0].events = fds[1].events = POLLIN
        with nogil:
            while not self.stopping:
                poll(fds, 2, -1)
                count = deaths_take(&self.deaths, ended, TAKE)
                for i in range(count):
                    put_exit(to, guests, &ended[i])

    def stop(self):
        """End :meth:`run`; from any thread."""
        self.stopping = True
        os.eventfd_write(self.wake_fd, 1)

    @property
    def address(self):
        """Where the Deaths (ext/deaths.pxd) lies; it lives as long as this."""
        return <uintptr_t>&self.deaths

    @property
    def fd(self):
        """Readable while an end waits to be taken."""
        return self.deaths.fd

    def __len__(self):
        return self.deaths.count

    def add(self, bytes uuid, uint64_t pid):
        """Watch a process; False if there is none of this pid, or it cannot be watched."""
        cdef int pidfd
        if len(uuid) != 16:
            raise ValueError(f"uuid of {len(uuid)} bytes: give its 16 raw bytes")
        pidfd = open_pidfd(<int>pid)
        return pidfd >= 0 and deaths_add(&self.deaths, uuid, pid, pidfd) == 0

    def take(self):
        """(uuid, pid) of some processes that have ended since the last call."""
        cdef Death out[TAKE]
        cdef int found = deaths_take(&self.deaths, out, TAKE)
        return [(<bytes>(<const char*>out[i].uuid)[:16], out[i].pid) for i in range(found)]


cdef void put_exit(Pipe* pipe, Table* table, const Death* ended) noexcept nogil:
    """The event that a guest's process has ended; nothing for a guest that is gone already."""
    cdef uint8_t memory[ROOM]
    cdef Record* record = <Record*>memory
    cdef Buffer body
    cdef const Row* guest
    cdef uint32_t row
    memset(record, 0, sizeof(Record))
    memcpy(record.uuid, ended.uuid, 16)
    record.kind = KIND_PROCESS_EXIT
    record.about = ABOUT_GUEST
    record.origin = ORIGIN_KERNEL
    record.event = -1
    record.detail = <int32_t>ended.pid
    record.time_ns, record.monotonic_ns = realtime_ns(), monotonic_ns()
    table_lock(table)
    row = table_find(table, ended.uuid)
    if row != NO_ROW:
        guest = table_row(table, row)
        record.id = guest.id
        record.name_size = <uint16_t>min(guest.name.count, <uint32_t>LONGEST_NAME)
        record.truncated = guest.name.count > LONGEST_NAME
        memcpy(memory + sizeof(Record), table_array(table, &guest.name), record.name_size)
    table_unlock(table)
    if row == NO_ROW:
        return
    buffer_over(&body, memory + sizeof(Record) + record.name_size, 64)
    put_text(&body, "pid")
    put_uint(&body, ended.pid)
    record.fields = 1
    record.size = <uint32_t>(sizeof(Record) + record.name_size + buffer_size(&body))
    pipe_put(pipe, record)
