"""What subscribers know of a guest beside its events: published as kind ``facts`` when it changed.

Inline functions for the dispatcher, without the GIL; the table's lock is held where a row is read.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from kinds cimport KIND_FACTS
from msgpack cimport (
    Buffer,
    buffer_over,
    buffer_size,
    put_bool,
    put_int,
    put_text,
    put_uint,
)
from names cimport Names, put_name
from record cimport RECORD_MAX, Record
from rows cimport UNKNOWN, Row
from table cimport Table, table_find, table_row
from uuidmap cimport NO_ROW

cdef struct Standing:
    # Two are compared as bytes: there must be no padding.
    uint64_t vcpus
    uint64_t memory
    uint64_t memory_max
    uint32_t definition      # grows with a new name
    int32_t id
    int32_t state
    int32_t reason
    uint16_t presence
    uint16_t persistent
    uint16_t autostart
    uint16_t sized


cdef inline Standing standing_of(const Row* row) noexcept nogil:
    """The row's; of no row (NULL), all zero."""
    cdef Standing s
    memset(&s, 0, sizeof(s))
    if row == NULL:
        return s
    s.sized = row.sizes.vcpus != UNKNOWN
    if s.sized:
        s.vcpus, s.memory, s.memory_max = row.sizes.vcpus, row.sizes.memory, row.sizes.memory_max
    s.definition, s.id = row.definition, row.id
    s.state, s.reason = row.state, row.reason
    s.presence, s.persistent, s.autostart = row.presence, row.persistent, row.autostart
    return s


cdef inline Standing standing_in(const Table* table, const uint8_t* uuid) noexcept nogil:
    """A guest's, all zero if the table has no such guest."""
    cdef uint32_t row = table_find(table, uuid)
    return standing_of(table_row(table, row) if row != NO_ROW else NULL)


cdef inline int standing_differs(const Standing* a, const Standing* b) noexcept nogil:
    return memcmp(a, b, sizeof(Standing)) != 0


cdef inline void facts_record(
    Record* record, const Standing* s, const Names* states
) noexcept nogil:
    """Make of a header and a name the event that says how its guest stands."""
    cdef Buffer body
    cdef size_t before = sizeof(Record) + record.name_size
    buffer_over(&body, <uint8_t*>record + before, RECORD_MAX - before)
    put_text(&body, "state")
    put_name(&body, states, s.state)
    put_text(&body, "reason")
    put_int(&body, s.reason)
    put_text(&body, "vcpus")
    put_uint(&body, s.vcpus)
    put_text(&body, "memory")
    put_uint(&body, s.memory)
    put_text(&body, "memory_max")
    put_uint(&body, s.memory_max)
    put_text(&body, "persistent")
    put_bool(&body, s.persistent)
    put_text(&body, "autostart")
    put_bool(&body, s.autostart)
    record.id = s.id
    record.kind, record.fields = KIND_FACTS, 7
    record.size = <unsigned int>(before + buffer_size(&body))
