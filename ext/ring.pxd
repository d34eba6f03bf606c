"""The ring: the newest published events, as records, in one piece of C memory.

The dispatcher appends, the request thread copies out; a mutex guards it, held for one memcpy of an
event or for a bounded chunk of them, never across a call that can block. An entry is never split:
what does not fit before the end begins again at the front. Behind the entries lies an index of
their offsets, by the number of the entry since the start.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from mutex cimport (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_t,
    pthread_mutex_unlock,
)
from record cimport RECORD_MAX, Record

cdef enum:
    KEPT_CLASSES = 3         # classes whose events are kept: all but the heartbeat's, the last

cdef struct Stamp:
    # What the dispatcher adds to a record: its numbers, and what its guest was after it.
    uint64_t sequences[KEPT_CLASSES]  # each class's last number, this event's own included
    uint64_t previous        # the guest's last event of the class; 0: none that is remembered
    uint64_t kind_previous   # the kind's last event; 0: none
    int32_t state            # virDomainState, -1: gone
    int32_t reason
    uint8_t class_
    uint8_t persistent
    uint8_t replayed
    uint8_t tail             # bytes of the sums at the record's end; 0: none
    uint8_t unused[4]

cdef struct Entry:
    # The record follows.
    uint32_t size            # of entry and record together, in steps of 8
    uint32_t unused
    Stamp stamp

cdef enum:
    LEAST_ENTRY = 120        # sizeof(Entry) + sizeof(Record), so that the index never runs out

cdef struct Ring:
    pthread_mutex_t lock
    uint8_t* memory
    uint64_t room            # bytes for entries
    uint64_t at              # where the next entry goes
    uint32_t* index          # behind the entries: offset of entry n at n % slots
    uint64_t slots
    uint64_t first           # number of the oldest entry
    uint64_t next            # number that the next one gets
    uint64_t dropped[KEPT_CLASSES]    # the last number of each class that had to go


cdef inline int ring_init(Ring* ring, uint64_t size) noexcept nogil:
    """`size` bytes for entries and index together; -1 without memory."""
    memset(ring, 0, sizeof(Ring))
    pthread_mutex_init(&ring.lock, NULL)
    # Pages that no event has reached yet cost no memory.
    ring.memory = <uint8_t*>calloc(size, 1)
    if ring.memory == NULL:
        return -1
    ring.slots = size // (LEAST_ENTRY + sizeof(uint32_t))
    ring.room = (size - ring.slots * sizeof(uint32_t)) & ~<uint64_t>7
    ring.index = <uint32_t*>(ring.memory + ring.room)
    return 0


cdef inline void ring_free(Ring* ring) noexcept nogil:
    free(ring.memory)
    ring.memory = NULL
    pthread_mutex_destroy(&ring.lock)


cdef inline Entry* ring_entry(const Ring* ring, uint64_t number) noexcept nogil:
    return <Entry*>(ring.memory + ring.index[number % ring.slots])


cdef inline const Record* entry_record(const Entry* entry) noexcept nogil:
    return <const Record*>(<const uint8_t*>entry + sizeof(Entry))


cdef inline void ring_drop_before(Ring* ring, uint64_t end) noexcept nogil:
    """Drop the oldest entries, as long as they lie between `at` and `end`."""
    cdef uint64_t offset
    cdef Entry* oldest
    while ring.first < ring.next:
        offset = ring.index[ring.first % ring.slots]
        if offset < ring.at or offset >= end:
            return
        oldest = ring_entry(ring, ring.first)
        ring.dropped[oldest.stamp.class_] = oldest.stamp.sequences[oldest.stamp.class_]
        ring.first += 1


cdef inline void ring_append(Ring* ring, const Stamp* stamp, const Record* record) noexcept nogil:
    """Keep one event; the oldest make room."""
    cdef uint32_t size = <uint32_t>(sizeof(Entry) + record.size + 7) & ~<uint32_t>7
    cdef Entry* entry
    pthread_mutex_lock(&ring.lock)
    if ring.at + size > ring.room:
        ring_drop_before(ring, ring.room)
        ring.at = 0
    ring_drop_before(ring, ring.at + size)
    entry = <Entry*>(ring.memory + ring.at)
    entry.size = size
    entry.stamp = stamp[0]
    memcpy(<uint8_t*>entry + sizeof(Entry), record, record.size)
    ring.index[ring.next % ring.slots] = <uint32_t>ring.at
    ring.at += size
    ring.next += 1
    pthread_mutex_unlock(&ring.lock)


cdef inline uint64_t ring_find(const Ring* ring, int class_, uint64_t after) noexcept nogil:
    """The first entry at which the class's last number is beyond `after`; the lock is held."""
    cdef uint64_t low = ring.first
    cdef uint64_t high = ring.next
    cdef uint64_t middle
    while low < high:
        middle = low + (high - low) // 2
        if ring_entry(ring, middle).stamp.sequences[class_] > after:
            high = middle
        else:
            low = middle + 1
    return low
