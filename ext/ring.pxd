"""The ring: the newest published events, packed, in one piece of C memory.

Whoever has the turn (ext/pipe.pxd) appends, the request thread copies out; a mutex guards it, held
for one memcpy of an event or of a block, never across a call that can block. A block is some events
in a row, the first of them whole, each other one as it differs from the one before; it is never
split, and goes as a whole: what does not fit before the end begins again at the front. Behind the
blocks lies an index of their offsets, by the number of the block since the start.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from mutex cimport (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_t,
    pthread_mutex_unlock,
)
from packing cimport pack_words, unpack_words
from record cimport RECORD_MAX, Record

cdef enum:
    KEPT_CLASSES = 3         # classes whose events are kept: all but the heartbeat's, the last
    TAIL_ROOM = 160          # bytes of the sums, at most; in whole words
    BLOCK_EVENTS = 64        # what a reader unpacks to find one of them
    BLOCK_SIZE = 16384       # bytes after which another block is begun

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

cdef struct Image:
    # What events that follow one another share most of, in whole words.
    Stamp stamp
    Record record
    uint8_t tail[TAIL_ROOM]

cdef struct Block:
    # The events follow.
    uint64_t before[KEPT_CLASSES]  # each class's last number when it was begun
    uint32_t size            # of all, this included
    uint32_t count

cdef enum:
    HEAD_WORDS = 14          # of an image: stamp and record
    MOST_ADDED = 512         # bytes by which a packed event may be longer than its record
    LONGEST_BLOCK = 16384 + 65536 + 1024   # BLOCK_SIZE, RECORD_MAX, and what is added

cdef struct Ring:
    pthread_mutex_t lock
    uint8_t* memory
    uint64_t room            # bytes for blocks
    uint64_t at              # where the next event goes
    uint32_t* index          # behind the blocks: offset of block n at n % slots
    uint64_t slots
    uint64_t first_block     # number of the oldest
    uint64_t next_block      # number that the next one gets
    uint64_t first           # events dropped so far
    uint64_t next            # events kept so far, dropped ones included
    uint64_t latest[KEPT_CLASSES]     # each class's last number
    uint64_t dropped[KEPT_CLASSES]    # the last number of each class that had to go
    Image image              # of the newest event; for who has the turn alone, as is the next
    uint8_t* packed


cdef inline int ring_init(Ring* ring, uint64_t size) noexcept nogil:
    """`size` bytes for blocks and index together; -1 without memory."""
    memset(ring, 0, sizeof(Ring))
    pthread_mutex_init(&ring.lock, NULL)
    # Pages that no event has reached yet cost no memory.
    ring.memory = <uint8_t*>calloc(size, 1)
    ring.packed = <uint8_t*>malloc(RECORD_MAX + MOST_ADDED)
    if ring.memory == NULL or ring.packed == NULL:
        return -1
    ring.slots = size // 1024
    ring.room = (size - ring.slots * sizeof(uint32_t)) & ~<uint64_t>7
    ring.index = <uint32_t*>(ring.memory + ring.room)
    return 0


cdef inline void ring_free(Ring* ring) noexcept nogil:
    free(ring.memory)
    free(ring.packed)
    ring.memory = ring.packed = NULL
    pthread_mutex_destroy(&ring.lock)


cdef inline Block* ring_block(const Ring* ring, uint64_t number) noexcept nogil:
    return <Block*>(ring.memory + ring.index[number % ring.slots])


cdef inline size_t pack_event(
    uint8_t* out, Image* image, const Stamp* stamp, const Record* record
) noexcept nogil:
    """Write an event as it differs from the image, which becomes it; returns the bytes written."""
    cdef Image now
    cdef size_t rest = record.size - sizeof(Record) - stamp.tail
    cdef uint8_t* at = out
    now.stamp, now.record = stamp[0], record[0]
    at = pack_words(at, &now, image, HEAD_WORDS)
    if stamp.tail:
        memset(now.tail, 0, TAIL_ROOM)
        memcpy(now.tail, <const uint8_t*>record + record.size - stamp.tail, stamp.tail)
        at = pack_words(at, now.tail, image.tail, (stamp.tail + 7) // 8)
    memcpy(at, <const uint8_t*>record + sizeof(Record), rest)
    return at + rest - out


cdef inline const uint8_t* unpack_event(
    const uint8_t* at, Image* image, const uint8_t** rest
) noexcept nogil:
    """Make the image that of the next event; ``rest`` is its name and body. Returns its end."""
    at = unpack_words(at, image, HEAD_WORDS)
    if image.stamp.tail:
        at = unpack_words(at, image.tail, (image.stamp.tail + 7) // 8)
    rest[0] = at
    return at + image.record.size - sizeof(Record) - image.stamp.tail


cdef inline void ring_drop(Ring* ring) noexcept nogil:
    """Drop the oldest block."""
    ring.first += ring_block(ring, ring.first_block).count
    ring.first_block += 1
    if ring.first_block < ring.next_block:
        memcpy(ring.dropped, ring_block(ring, ring.first_block).before, sizeof(ring.dropped))
    else:
        memcpy(ring.dropped, ring.latest, sizeof(ring.dropped))


cdef inline void ring_drop_before(Ring* ring, uint64_t end) noexcept nogil:
    """Drop the oldest blocks, as long as they lie between `at` and `end`."""
    cdef uint64_t offset
    while ring.first_block < ring.next_block:
        offset = ring.index[ring.first_block % ring.slots]
        if offset < ring.at or offset >= end:
            return
        ring_drop(ring)


cdef inline int ring_needs_block(const Ring* ring, size_t most) noexcept nogil:
    """Whether an event of at most so many bytes begins a block of its own."""
    cdef const Block* newest
    if ring.first_block == ring.next_block or ring.at + most > ring.room:
        return 1
    newest = ring_block(ring, ring.next_block - 1)
    return newest.count >= BLOCK_EVENTS or newest.size >= BLOCK_SIZE


cdef inline void ring_begin(Ring* ring, size_t most) noexcept nogil:
    """Begin a block, with room for an event of at most so many bytes; the lock is held."""
    cdef Block* block
    ring.at = (ring.at + 7) & ~<uint64_t>7
    if ring.at + sizeof(Block) + most > ring.room:
        ring_drop_before(ring, ring.room)
        ring.at = 0
    ring_drop_before(ring, ring.at + sizeof(Block))
    if ring.next_block - ring.first_block == ring.slots:
        ring_drop(ring)
    block = <Block*>(ring.memory + ring.at)
    memcpy(block.before, ring.latest, sizeof(block.before))
    block.size, block.count = sizeof(Block), 0
    ring.index[ring.next_block % ring.slots] = <uint32_t>ring.at
    ring.next_block += 1
    ring.at += sizeof(Block)


cdef inline void ring_append(Ring* ring, const Stamp* stamp, const Record* record) noexcept nogil:
    """Keep one event; the oldest make room."""
    cdef size_t most = record.size + MOST_ADDED
    cdef int begins = ring_needs_block(ring, most)
    cdef Block* block
    cdef size_t size
    if begins:
        memset(&ring.image, 0, sizeof(Image))
    size = pack_event(ring.packed, &ring.image, stamp, record)
    pthread_mutex_lock(&ring.lock)
    if begins:
        ring_begin(ring, most)
    ring_drop_before(ring, ring.at + size)
    block = ring_block(ring, ring.next_block - 1)
    memcpy(ring.memory + ring.at, ring.packed, size)
    block.size += <uint32_t>size
    block.count += 1
    ring.at += size
    ring.next += 1
    memcpy(ring.latest, stamp.sequences, sizeof(ring.latest))
    pthread_mutex_unlock(&ring.lock)


cdef inline uint64_t ring_find(const Ring* ring, int class_, uint64_t after) noexcept nogil:
    """The block of the class's first event beyond `after`, or one before it; the lock is held."""
    cdef uint64_t low = ring.first_block
    cdef uint64_t high = ring.next_block
    cdef uint64_t middle
    while low < high:
        middle = low + (high - low) // 2
        if ring_block(ring, middle).before[class_] > after:
            high = middle
        else:
            low = middle + 1
    return max(ring.first_block, low - 1) if low else 0
