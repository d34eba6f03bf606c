"""Whole records out of what a pipe gives: a batch of bytes; the beginning of a record waits in it.

Inline functions for the reader, without the GIL.
"""

from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memmove

from pipe cimport Losses, Pipe, pipe_take
from record cimport Record

cdef enum:
    BATCH = 1 << 18          # bytes taken from the pipe at once

cdef struct Batch:
    uint8_t* bytes
    size_t size
    size_t at                # the next record


cdef inline int batch_init(Batch* batch) except -1:
    batch.bytes = <uint8_t*>malloc(BATCH)
    if batch.bytes == NULL:
        raise MemoryError
    batch.size = batch.at = 0
    return 0


cdef inline void batch_free(Batch* batch) noexcept:
    free(batch.bytes)


cdef inline bint batch_fill(Batch* batch, Pipe* pipe, Losses* lost) noexcept nogil:
    """Take what the pipe holds, behind what is unfinished; true if it may hold more."""
    cdef size_t taken, room
    batch.size -= batch.at
    memmove(batch.bytes, batch.bytes + batch.at, batch.size)
    batch.at = 0
    room = BATCH - batch.size
    taken = pipe_take(pipe, batch.bytes + batch.size, room, lost)
    batch.size += taken
    return taken == room  # less, and the pipe was empty


cdef inline const Record* batch_next(Batch* batch) noexcept nogil:
    """The next whole record, until the batch is filled again; NULL if there is none."""
    cdef const Record* record = <const Record*>(batch.bytes + batch.at)
    if batch.size - batch.at < sizeof(Record) or batch.size - batch.at < record.size:
        return NULL
    batch.at += record.size
    return record
