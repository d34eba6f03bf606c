"""What the bus says of itself: the welcome message, a heartbeat, and what was lost on the way.

Inline functions for the dispatcher, without the GIL. The first two carry each class's last number.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from clock cimport monotonic_ns, realtime_ns
from encoder cimport Encoder, put_chunk
from kinds cimport KIND_HEARTBEAT, KIND_LOST
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
from names cimport Names, put_name
from pipe cimport Losses
from record cimport KIND_LIMIT, Record

cdef enum:
    ANNOUNCEMENT = 4096      # bytes of a record made here, at most


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


cdef inline void begin_announcement(Record* record, int kind, Buffer* body) noexcept nogil:
    """A record of one field about the host, in ANNOUNCEMENT bytes of memory."""
    memset(record, 0, sizeof(Record))
    buffer_over(body, <uint8_t*>record + sizeof(Record), ANNOUNCEMENT - sizeof(Record))
    record.kind, record.fields = kind, 1
    record.time_ns, record.monotonic_ns = realtime_ns(), monotonic_ns()


cdef inline void heartbeat_record(
    Record* record, const Encoder* e, const uint64_t* sequences, int count
) noexcept nogil:
    cdef Buffer body
    begin_announcement(record, KIND_HEARTBEAT, &body)
    put_classes(&body, &e.classes, sequences, count)
    record.size = <uint32_t>(sizeof(Record) + buffer_size(&body))


cdef inline int lost_record(Record* record, const Encoder* e, const Losses* lost) noexcept nogil:
    """How many events of each kind were lost; 0: none were, and there is no record."""
    cdef Buffer body
    cdef int kind
    cdef int count = 0
    for kind in range(KIND_LIMIT):
        count += lost.events[kind] > 0
    begin_announcement(record, KIND_LOST, &body)
    put_text(&body, "kinds")
    put_array(&body, count)
    for kind in range(KIND_LIMIT):
        if lost.events[kind]:
            put_array(&body, 2)
            put_name(&body, &e.kinds, kind)
            put_uint(&body, lost.events[kind])
    record.size = <uint32_t>(sizeof(Record) + buffer_size(&body))
    return count
