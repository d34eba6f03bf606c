"""The history's owner: the ring of the newest events, and reading it for a subscriber.

The dispatcher appends through ``address``; the request thread calls :meth:`History.replay`. Nothing
here waits for the dispatcher longer than it takes to append an event, nor the other way round.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from encoder cimport encoder_load, put_event
from history cimport HistoryData
from msgpack cimport Buffer, buffer_over, buffer_size
from mutex cimport pthread_mutex_lock, pthread_mutex_unlock
from record cimport ABOUT_GUEST, RECORD_MAX, Record
from ring cimport *

from hostmon import kinds

LEAST_SIZE = 1 << 20

cdef enum:
    COPY = 1 << 20           # bytes of events in one page
    LONGEST = 3 * RECORD_MAX # one event's payload
    MOST_EXAMINED = 1 << 17  # events looked at for one page
    MOST_GUESTS = 64

cdef struct Query:
    uint64_t after[KEPT_CLASSES]
    int wanted[KEPT_CLASSES]
    uint64_t kinds           # a bit a kind
    int guests               # 0: every guest
    uint8_t uuids[MOST_GUESTS][16]

cdef struct Entry:
    # An event of a page. The record follows.
    uint32_t size            # of entry and record together, in steps of 8
    uint32_t unused
    Stamp stamp

cdef struct Page:
    uint8_t* block           # a copy of the one that is looked at
    uint8_t* copy            # the entries
    size_t copied
    uint64_t count
    uint64_t examined
    uint64_t next            # block to go on at
    uint64_t through[KEPT_CLASSES]
    int more
    int beyond               # the ring no longer holds all that was asked for


cdef inline int selected(const Query* query, const Image* event) noexcept nogil:
    cdef const Stamp* stamp = &event.stamp
    cdef const Record* record = &event.record
    cdef int i
    if not query.wanted[stamp.class_]:
        return 0
    if stamp.sequences[stamp.class_] <= query.after[stamp.class_]:
        return 0
    if not query.kinds >> record.kind & 1:
        return 0
    if query.guests == 0:
        return 1
    if record.about != ABOUT_GUEST:
        return 0
    for i in range(query.guests):
        if memcmp(query.uuids[i], record.uuid, 16) == 0:
            return 1
    return 0


cdef inline const Record* entry_record(const Entry* entry) noexcept nogil:
    return <const Record*>(<const uint8_t*>entry + sizeof(Entry))


cdef inline int take_event(Page* page, const Image* event, const uint8_t* rest) noexcept nogil:
    """Put an event into the page; 0 where there is no room for it."""
    cdef size_t size = (sizeof(Entry) + event.record.size + 7) & ~<size_t>7
    cdef Entry* entry = <Entry*>(page.copy + page.copied)
    cdef uint8_t* record = <uint8_t*>entry + sizeof(Entry)
    cdef size_t rest_size = event.record.size - sizeof(Record) - event.stamp.tail
    if page.copied + size > COPY:
        return 0
    entry.size, entry.stamp = <uint32_t>size, event.stamp
    memcpy(record, &event.record, sizeof(Record))
    memcpy(record + sizeof(Record), rest, rest_size)
    memcpy(record + sizeof(Record) + rest_size, event.tail, event.stamp.tail)
    page.copied += size
    page.count += 1
    return 1


cdef inline void find_start(const Ring* ring, const Query* query, Page* page) noexcept nogil:
    """Where the first event beyond the query's numbers is; the lock is held."""
    cdef int i
    page.next = ring.next_block
    for i in range(KEPT_CLASSES):
        if not query.wanted[i]:
            continue
        if query.after[i] < ring.dropped[i]:
            page.beyond = 1
        page.next = min(page.next, ring_find(ring, i, query.after[i]))


cdef inline int copy_block(const Ring* ring, Page* page) noexcept nogil:
    """Copy the next block, if there is one; the lock is held."""
    page.more = page.next + 1 < ring.next_block
    if page.next < ring.first_block:
        page.beyond = 1  # it was dropped since the last one
        return 0
    if page.next >= ring.next_block:
        return 0
    memcpy(page.block, ring_block(ring, page.next), ring_block(ring, page.next).size)
    page.next += 1
    return 1


cdef inline int read_block(const Query* query, Page* page) noexcept nogil:
    """Take what is selected of the copied block; 0 where the page is full before its end."""
    cdef const Block* block = <const Block*>page.block
    cdef const uint8_t* at = page.block + sizeof(Block)
    cdef const uint8_t* rest = NULL
    cdef Image event
    cdef uint32_t i
    cdef int class_
    memset(&event, 0, sizeof(event))
    for i in range(block.count):
        at = unpack_event(at, &event, &rest)
        if selected(query, &event) and not take_event(page, &event, rest):
            page.more = 1
            return 0
        page.examined += 1
        for class_ in range(KEPT_CLASSES):
            page.through[class_] = max(page.through[class_], event.stamp.sequences[class_])
    return 1


cdef inline void read_page(Ring* ring, const Query* query, Page* page) noexcept nogil:
    cdef int copied
    pthread_mutex_lock(&ring.lock)
    find_start(ring, query, page)
    pthread_mutex_unlock(&ring.lock)
    memcpy(page.through, query.after, sizeof(page.through))
    while not page.beyond:
        pthread_mutex_lock(&ring.lock)
        copied = copy_block(ring, page)
        pthread_mutex_unlock(&ring.lock)
        if not copied or not read_block(query, page):
            return
        if not page.more or page.examined > MOST_EXAMINED:
            return


cdef class History:
    """The newest events of one run, at most ``size`` bytes of them, all in one piece of memory."""

    cdef HistoryData data
    cdef list alive

    def __cinit__(self, uint64_t epoch, str host, uint64_t size=16 << 20):
        if not LEAST_SIZE <= size < <uint64_t>1 << 32:
            raise ValueError(f"a ring of {size} bytes: give {LEAST_SIZE} to 4294967295")
        self.alive = []
        encoder_load(&self.data.encoder, epoch, host, self.alive)
        if ring_init(&self.data.ring, size) < 0:
            raise MemoryError

    def __dealloc__(self):
        ring_free(&self.data.ring)

    @property
    def address(self):
        """Where the HistoryData (ext/history.pxd) lies; it lives as long as this."""
        return <uintptr_t>&self.data

    def __len__(self):
        """Events held now."""
        return self.data.ring.next - self.data.ring.first

    @property
    def dropped(self):
        """Each class's last number that is no longer held."""
        return {kinds.CLASSES[i]: self.data.ring.dropped[i] for i in range(KEPT_CLASSES)}

    def replay(self, dict after, tuple only_kinds=(), tuple guests=()):
        """One page of the events of the classes in ``after`` beyond the numbers given there.

        Returns the MessagePack maps joined, how many, each class's number up to which nothing that
        was asked for is missing, and whether there is more; None where the ring no longer goes back
        so far. ``guests`` are 16 bytes each, 64 at most.
        """
        cdef Query query
        cdef Page page
        cdef bytes uuid
        memset(&query, 0, sizeof(query))
        memset(&page, 0, sizeof(page))
        for name, number in after.items():
            query.wanted[<int>kinds.CLASSES.index(name)] = 1
            query.after[<int>kinds.CLASSES.index(name)] = number
        for kind in only_kinds:
            query.kinds |= <uint64_t>1 << <int>kinds.NUMBERS[kind]
        if not only_kinds:
            query.kinds = ~<uint64_t>0
        if len(guests) > MOST_GUESTS:
            raise ValueError(f"{len(guests)} guests: give at most {MOST_GUESTS}")
        for uuid in guests:
            memcpy(query.uuids[query.guests], <const char*>uuid, 16)
            query.guests += 1
        page.copy = <uint8_t*>malloc(COPY + LONGEST_BLOCK)
        if page.copy == NULL:
            raise MemoryError
        page.block = page.copy + COPY
        try:
            with nogil:
                read_page(&self.data.ring, &query, &page)
            if page.beyond:
                return None
            through = {
                name: page.through[<int>kinds.CLASSES.index(name)] for name in after}
            return self.encoded(&page), page.count, through, bool(page.more)
        finally:
            free(page.copy)

    cdef bytes encoded(self, Page* page):
        """The copied entries as the payloads of events of origin replayed."""
        cdef size_t room = 4 * page.copied + LONGEST
        cdef uint8_t* memory = <uint8_t*>malloc(room)
        cdef Buffer out
        cdef Entry* entry
        cdef size_t at = 0
        if memory == NULL:
            raise MemoryError
        try:
            with nogil:
                buffer_over(&out, memory, room)
                while at < page.copied:
                    entry = <Entry*>(page.copy + at)
                    entry.stamp.replayed = 1
                    put_event(&out, &self.data.encoder, entry_record(entry), &entry.stamp)
                    at += entry.size
            return PyBytes_FromStringAndSize(<char*>memory, buffer_size(&out))
        finally:
            free(memory)
