"""What the bus says of its own numbers: the welcome message, and the body of a heartbeat.

Inline functions for the dispatcher, without the GIL. Both carry each class's last number.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from clock cimport monotonic_ns, realtime_ns
from encoder cimport Encoder, put_chunk
from kinds cimport KIND_HEARTBEAT
from msgpack cimport (
    Buffer,
    buffer_over,
    buffer_size,
    put_array,
    put_map,
    put_raw,
    put_text,
    put_uint,
)
from names cimport Names
from record cimport Record


cdef inline void put_classes(
    Buffer* b, const Names* classes, const uint64_t* sequences, int count
) noexcept nogil:
    """The pair ``classes``: name and last number of each."""
    cdef int i
    put_text(b, "classes")
    put_array(b, count)
    for i in range(count):
        put_array(b, 2)
        put_text(b, classes.names[i])
        put_uint(b, sequences[i])


cdef inline void put_welcome(
    Buffer* b, const Encoder* e, const uint64_t* sequences, int count
) noexcept nogil:
    """The whole welcome message: topic, NUL, map."""
    put_raw(b, b"welcome", 8)
    put_map(b, 5)
    put_chunk(b, &e.welcome)
    put_classes(b, &e.classes, sequences, count)


cdef inline void heartbeat_record(
    Record* record, const Encoder* e, const uint64_t* sequences, int count
) noexcept nogil:
    """Make the record of a heartbeat in memory of at least 1 KiB."""
    cdef Buffer body
    memset(record, 0, sizeof(Record))
    buffer_over(&body, <uint8_t*>record + sizeof(Record), 1024 - sizeof(Record))
    put_classes(&body, &e.classes, sequences, count)
    record.kind, record.fields = KIND_HEARTBEAT, 1
    record.time_ns, record.monotonic_ns = realtime_ns(), monotonic_ns()
    record.size = <uint32_t>(sizeof(Record) + buffer_size(&body))
