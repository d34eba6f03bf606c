"""The account's part in an event: the ledger follows the guest's row, and the event says the sums.

Inline functions for the dispatcher, without the GIL. The sums stand at the end of the record, and
its stamp tells how long they are: so they are kept and replayed with it. An event carries them if
the account changed since the last one that did; what other threads change is told by heartbeats.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from follow cimport UNSEEN, UNSEEN_VCPUS, Seen, ledger_follow
from grants cimport grants_expire
from ledger cimport (
    LedgerState,
    ledger_lock,
    ledger_settle,
    ledger_unlock,
)
from lifecycle cimport is_active
from msgpack cimport Buffer, buffer_over, buffer_size, put_array, put_uint
from record cimport RECORD_MAX, Facts, Record
from ring cimport TAIL_ROOM, Stamp
from rows cimport GROUP_SIZES, UNKNOWN, Row
from sums cimport Sums
from table cimport Table, table_find, table_row
from uuidmap cimport NO_ROW

cdef enum:
    SUMS_FIELDS = 16

cdef struct Books:
    LedgerState* ledger
    uint8_t* grown           # RECORD_MAX bytes: an event with the sums behind it
    int owed                 # the account changed, and no event has said so yet


cdef inline uint32_t seen_vcpus(uint64_t vcpus) noexcept nogil:
    return UNSEEN_VCPUS if vcpus >= UNSEEN_VCPUS else <uint32_t>vcpus


cdef inline Seen seen_row(const Table* table, const uint8_t* uuid) noexcept nogil:
    """What a guest's row says of it; a guest without one neither runs nor is defined."""
    cdef Seen seen
    cdef const Row* r
    cdef uint32_t row = table_find(table, uuid)
    seen.active = seen.defined = 0
    seen.vcpus = seen.defined_vcpus = UNSEEN_VCPUS
    seen.memory = seen.defined_memory = UNSEEN
    if row != NO_ROW:
        r = table_row(table, row)
        # A crashed guest whose process is preserved gives nothing back.
        seen.active = is_active(r.state) or r.id >= 0
        seen.defined = r.persistent
        if r.valid >> GROUP_SIZES & 1:
            seen.vcpus = seen_vcpus(r.sizes.vcpus)
            seen.memory = r.sizes.memory
    return seen


cdef inline void books_take(Books* books, const uint8_t* uuid, Seen seen) noexcept nogil:
    """The account follows; a stop holds its room until `books_settle`."""
    ledger_lock(books.ledger)
    books.owed |= ledger_follow(books.ledger, uuid, seen) > 0
    ledger_unlock(books.ledger)


cdef inline void books_follow(Books* books, const Table* table, const uint8_t* uuid) noexcept nogil:
    """After an event of a guest, or its end. The table's lock is held."""
    books_take(books, uuid, seen_row(table, uuid))


cdef inline void books_learn(
    Books* books, const Table* table, const uint8_t* uuid, const Facts* facts
) noexcept nogil:
    """After libvirt told of a guest. The table's lock is held."""
    cdef Seen seen = seen_row(table, uuid)
    seen.defined_vcpus = seen_vcpus(facts.defined_vcpus)
    seen.defined_memory = facts.defined_memory
    books_take(books, uuid, seen)


cdef inline void books_settle(Books* books, const uint8_t* uuid) noexcept nogil:
    """A stop is settled: a guest that is held gives its room back."""
    ledger_lock(books.ledger)
    books.owed |= ledger_settle(books.ledger, uuid)
    ledger_unlock(books.ledger)


cdef inline int books_due(Books* books, uint64_t now_ns, uint64_t* next_ns) noexcept nogil:
    """End the grants whose time is over: whether the account is to be told without an event.

    ``next_ns`` comes no later than the next of them.
    """
    ledger_lock(books.ledger)
    grants_expire(&books.ledger.grants, &books.ledger.sums, now_ns)
    next_ns[0] = min(next_ns[0], books.ledger.grants.next_due)
    books.owed |= books.ledger.grants.told
    books.ledger.grants.told = 0
    ledger_unlock(books.ledger)
    return books.owed


cdef inline void put_sums(Buffer* b, const Sums* s) noexcept nogil:
    """As hostmon.account.Sums has its fields."""
    put_array(b, SUMS_FIELDS)
    put_uint(b, s.changes)
    put_uint(b, s.vcpus_used)
    put_uint(b, s.vcpus_held)
    put_uint(b, s.vcpus_allocated)
    put_uint(b, s.memory_used)
    put_uint(b, s.memory_held)
    put_uint(b, s.memory_allocated)
    put_uint(b, s.disk_used)
    put_uint(b, s.disk_allocated)
    put_uint(b, s.defined)
    put_uint(b, s.active)
    put_uint(b, s.held)
    put_uint(b, s.vcpus_claimed)
    put_uint(b, s.memory_claimed)
    put_uint(b, s.disk_claimed)
    put_uint(b, s.claims)


cdef inline const Record* books_carry(
    Books* books, const Record* record, Stamp* stamp
) noexcept nogil:
    """The record with the sums behind it; itself, for the next one to carry them, if too long."""
    cdef Record* grown = <Record*>books.grown
    cdef Buffer tail
    cdef Sums sums
    if record.size + TAIL_ROOM > RECORD_MAX:
        return record
    ledger_lock(books.ledger)
    sums = books.ledger.sums
    books.ledger.grants.told = 0
    ledger_unlock(books.ledger)
    memcpy(grown, record, record.size)
    buffer_over(&tail, books.grown + record.size, TAIL_ROOM)
    put_sums(&tail, &sums)
    stamp.tail = <uint8_t>buffer_size(&tail)
    grown.size += stamp.tail
    books.owed = 0
    return grown
