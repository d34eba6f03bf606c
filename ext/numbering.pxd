"""The numbers of the bus: each class's, each kind's and each guest's last one.

Owned by whoever has the turn (ext/pipe.pxd), the only giver of numbers; others read the class's
last ones.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from chain cimport Chain, chain_advance, chain_free, chain_init
from record cimport ABOUT_GUEST, KIND_LIMIT, Record
from ring cimport Ring, Stamp
from table cimport Table, table_find, table_row
from uuidmap cimport NO_ROW

cdef enum:
    CLASSES = 4              # as kinds.CLASSES lists them
    HEARTBEAT_CLASS = 3      # the last: neither kept nor told of by heartbeats

cdef struct Numbering:
    uint64_t sequences[CLASSES]
    uint64_t kind_last[KIND_LIMIT]
    uint64_t counts[KIND_LIMIT]
    uint8_t class_of[KIND_LIMIT]
    Chain chain


cdef inline int numbering_init(Numbering* numbers) except -2:
    """0, or -1 without memory."""
    from hostmon import kinds

    for number, kind in kinds.KINDS.items():
        numbers.class_of[<int>number] = kinds.CLASSES.index(kinds.CLASS_OF[kind])
    return chain_init(&numbers.chain)


cdef inline void numbering_free(Numbering* numbers) noexcept nogil:
    chain_free(&numbers.chain)


cdef inline Stamp number_event(
    Numbering* numbers, const Ring* ring, const Table* table, const Record* record
) noexcept nogil:
    """The next numbers, for one event."""
    cdef Stamp stamp
    cdef int class_ = numbers.class_of[record.kind]
    memset(&stamp, 0, sizeof(stamp))
    stamp.class_ = class_
    numbers.sequences[class_] += 1
    numbers.counts[record.kind] += 1
    stamp.kind_previous = numbers.kind_last[record.kind]
    numbers.kind_last[record.kind] = numbers.sequences[class_]
    if record.about == ABOUT_GUEST and class_ != HEARTBEAT_CLASS:
        stamp.previous = chain_advance(
            &numbers.chain, ring, table, record.uuid, class_, numbers.sequences[class_])
    memcpy(stamp.sequences, numbers.sequences, sizeof(stamp.sequences))
    return stamp


cdef inline void stamp_guest(Stamp* stamp, const Table* table, const uint8_t* uuid) noexcept nogil:
    """What the guest is after its event; the table's lock is held."""
    cdef uint32_t row = table_find(table, uuid)
    stamp.state = -1
    if row != NO_ROW:
        stamp.state = table_row(table, row).state
        stamp.reason = table_row(table, row).reason
        stamp.persistent = table_row(table, row).persistent
