"""The pipe between libvirt's callbacks and the dispatcher: struct and inline functions.

A record goes into the pipe; once the pipe is full, records wait in a bounded native queue, in
order; once that is full they are counted as lost, by kind, which the reader publishes and turns
into a resync. Several threads may write, one reads. No lock is held across a call that can block: both ends of the pipe
are non-blocking.

The reader takes the writers' lock only when there is something behind the pipe. A writer holds it
while its write wakes the reader, which would only wake to wait for it. So that the reader cannot
miss what comes behind the pipe, that rings a bell: an eventfd to poll beside the pipe.

An event that comes alone needs no reader to wake up for it: while that waits and nothing is under
way, the callback's own thread dispatches it, in the reader's place. A second lock, the turn, is held
by whoever dispatches; a writer only ever tries it.
"""

from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset
from posix.unistd cimport read, write

from mutex cimport (
    pthread_mutex_lock,
    pthread_mutex_t,
    pthread_mutex_trylock,
    pthread_mutex_unlock,
)
from record cimport KIND_LIMIT, Record

cdef extern from "<sys/mman.h>" nogil:
    int madvise(void*, size_t, int)
    enum:
        MADV_DONTNEED

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd_write(int, uint64_t)

cdef extern from *:
    """
    #define read_now(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
    #define write_now(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELEASE)
    """
    uint64_t read_now(uint64_t) nogil
    void write_now(uint64_t, uint64_t) nogil

cdef enum:
    ALONE_NS = 100000        # an event this long after any other, and the reader's turn, is alone
    QUEUE_KEPT = 256 << 10   # of the queue's memory, between floods
    PAGE_MASK = 4095

cdef struct Losses:
    uint64_t records
    uint64_t events[KIND_LIMIT]  # of these, by kind; the others are messages of the keeper's

# Dispatches a record in the writer's thread, which holds the turn; false: it did not.
ctypedef bint (*Dispatch)(void* reader, const Record* record) noexcept nogil

cdef struct Pipe:
    int read_fd
    int write_fd
    int bell_fd              # readable when the reader should call `pipe_take`, whatever the pipe
    pthread_mutex_t lock
    # The queue: a byte ring. Its head may hold the rest of a record whose beginning is in the pipe.
    uint8_t* queue
    size_t capacity
    size_t head
    size_t used
    size_t touched           # how far into the queue records have been since `queue_release`
    # Counters, read by anyone, written under the lock.
    uint64_t written         # records accepted
    uint64_t queued          # of these, records that had to wait in the queue
    uint64_t lost            # records refused because the queue was full, since the start
    Losses unseen            # of these, what the reader has not been told of
    uint64_t put             # bytes accepted
    uint64_t busy_ns         # when a callback last delivered something, or the reader had its turn
    # The reader's, who holds the turn except while it waits.
    pthread_mutex_t turn
    uint64_t taken           # bytes read
    Dispatch dispatch        # NULL: there is no reader
    void* reader


cdef inline void count_loss(Losses* lost, int kind) noexcept nogil:
    lost.records += 1
    if kind < KIND_LIMIT:
        lost.events[kind] += 1


cdef inline void queue_append(Pipe* pipe, const uint8_t* data, size_t size) noexcept nogil:
    """Append to the ring; the caller has made sure of the room."""
    cdef size_t at = (pipe.head + pipe.used) % pipe.capacity
    cdef size_t first = min(size, pipe.capacity - at)
    cdef int was_empty = pipe.used == 0
    memcpy(pipe.queue + at, data, first)
    memcpy(pipe.queue, data + first, size - first)
    pipe.used += size
    pipe.touched = max(pipe.touched, min(pipe.head + pipe.used, pipe.capacity))
    if was_empty:
        eventfd_write(pipe.bell_fd, 1)


cdef inline void queue_release(Pipe* pipe) noexcept nogil:
    """Give back the memory that a flood took, once the queue is empty again."""
    cdef uintptr_t start = (<uintptr_t>pipe.queue + QUEUE_KEPT + PAGE_MASK) & ~<uintptr_t>PAGE_MASK
    cdef uintptr_t end
    pthread_mutex_lock(&pipe.lock)
    end = (<uintptr_t>pipe.queue + pipe.touched) & ~<uintptr_t>PAGE_MASK
    if pipe.used == 0:
        if end > start:
            madvise(<void*>start, end - start, MADV_DONTNEED)
        pipe.touched = 0
    pthread_mutex_unlock(&pipe.lock)


cdef inline int pipe_put(Pipe* pipe, const Record* record) noexcept nogil:
    """Hand over one record; 0, or -1 when it was lost (and counted). Never blocks."""
    cdef size_t size = record.size
    cdef ssize_t done = 0
    cdef int result = 0
    pthread_mutex_lock(&pipe.lock)
    if pipe.used == 0:
        done = write(pipe.write_fd, record, size)
        if done < 0:
            done = 0
    if <size_t>done < size:
        # A begun record must be completed: its rest always fits, the ring being empty then and
        # larger than any record.
        if pipe.capacity - pipe.used >= size - done:
            queue_append(pipe, <const uint8_t*>record + done, size - done)
            pipe.queued += 1
        else:
            pipe.lost += 1
            count_loss(&pipe.unseen, record.kind)
            result = -1
    if result == 0:
        pipe.written += 1
        pipe.put += size
    pthread_mutex_unlock(&pipe.lock)
    return result


cdef inline int pipe_deliver(Pipe* pipe, const Record* record) noexcept nogil:
    """Dispatch one record in this thread if it comes alone, else put it; 0 or -1 as `pipe_put`.

    In order: whatever this thread put before was read, or the record goes behind it.
    """
    cdef uint64_t busy_ns = read_now(pipe.busy_ns)
    cdef bint done = False
    write_now(pipe.busy_ns, record.monotonic_ns)
    if record.monotonic_ns >= busy_ns + ALONE_NS and pthread_mutex_trylock(&pipe.turn) == 0:
        if pipe.dispatch != NULL and read_now(pipe.put) == pipe.taken:
            done = pipe.dispatch(pipe.reader, record)
        pthread_mutex_unlock(&pipe.turn)
    return 0 if done else pipe_put(pipe, record)


cdef inline void pipe_lose(Pipe* pipe, int kind) noexcept nogil:
    """Count a record that could not even be made; its reader learns of it as of any loss."""
    pthread_mutex_lock(&pipe.lock)
    pipe.lost += 1
    count_loss(&pipe.unseen, kind)
    pthread_mutex_unlock(&pipe.lock)
    eventfd_write(pipe.bell_fd, 1)


cdef inline void move_losses(Pipe* pipe, Losses* lost) noexcept nogil:
    """Tell the reader of every loss that it has not been told of; the lock is held."""
    cdef int kind
    lost.records += pipe.unseen.records
    for kind in range(KIND_LIMIT):
        lost.events[kind] += pipe.unseen.events[kind]
    memset(&pipe.unseen, 0, sizeof(Losses))


cdef inline void pipe_losses(Pipe* pipe, Losses* lost) noexcept nogil:
    """Every loss so far, without waiting for the end of a flood."""
    if read_now(pipe.unseen.records):
        pthread_mutex_lock(&pipe.lock)
        move_losses(pipe, lost)
        pthread_mutex_unlock(&pipe.lock)


cdef inline void pipe_attend(Pipe* pipe, Dispatch dispatch, void* reader) noexcept nogil:
    """Begin to read: take the turn. Whenever the reader gives it up, ``dispatch`` stands in."""
    pthread_mutex_lock(&pipe.turn)
    pipe.dispatch, pipe.reader = dispatch, reader


cdef inline void pipe_leave(Pipe* pipe) noexcept nogil:
    """End reading, and give up the turn: nobody stands in any more."""
    pipe.dispatch = NULL
    pthread_mutex_unlock(&pipe.turn)


cdef inline size_t take_behind(
    Pipe* pipe, uint8_t* out, size_t room, Losses* lost
) noexcept nogil:
    """Read on, from the pipe and then from the queue behind it."""
    cdef size_t taken = 0
    cdef size_t part
    cdef ssize_t got
    pthread_mutex_lock(&pipe.lock)
    # While the queue holds something no one writes to the pipe: after this read it is empty.
    got = read(pipe.read_fd, out, room)
    if got > 0:
        taken = got
    while pipe.used and taken < room:
        part = min(pipe.used, min(room - taken, pipe.capacity - pipe.head))
        memcpy(out + taken, pipe.queue + pipe.head, part)
        pipe.head = (pipe.head + part) % pipe.capacity
        pipe.used -= part
        taken += part
    if pipe.used == 0:
        # From the front again: memory that a backlog never reached stays untouched.
        pipe.head = 0
    if pipe.used == 0 and pipe.unseen.records:
        move_losses(pipe, lost)
    pthread_mutex_unlock(&pipe.lock)
    return taken


cdef inline size_t pipe_take(
    Pipe* pipe, uint8_t* out, size_t room, Losses* lost
) noexcept nogil:
    """Read up to ``room`` bytes, in order; 0 when there are none. The caller holds the turn.

    ``lost`` grows by the records lost behind those bytes, once everything before them was taken.
    """
    cdef ssize_t got = read(pipe.read_fd, out, room)
    cdef size_t taken = got if got > 0 else 0
    if taken < room and (read_now(pipe.used) or read_now(pipe.unseen.records)):
        taken += take_behind(pipe, out + taken, room - taken, lost)
    pipe.taken += taken
    return taken
