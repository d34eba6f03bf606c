"""The dispatcher's loop: drains the pipe, numbers each event, publishes it; without the GIL.

The only writer of the sequences. Python makes the socket in the same thread (hostmon/dispatcher.py)
and calls :meth:`Dispatcher.run`, which returns when told to stop.
"""

import os

from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memmove, memset
from posix.unistd cimport read

from apply cimport (
    MOST_STEPS,
    NO_ROW,
    Applier,
    Step,
    Table,
    apply_event,
    apply_facts,
    compare_guest,
    is_missing,
    row_record,
    settle_guest,
    steps_to_gone,
    table_find,
    table_lock,
    table_mark_all_unknown,
    table_retire,
    table_set_sequence,
    table_unlock,
    track_of,
)
from clock cimport monotonic_ns, realtime_ns
from encoder cimport Encoder, encode_event, encoder_load
from msgpack cimport (
    Buffer,
    buffer_over,
    buffer_size,
    put_array,
    put_text,
    put_uint,
)
from pipe cimport Pipe, pipe_take
from mutex cimport (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
)
from record cimport (
    ABOUT_GUEST,
    KIND_LIMIT,
    ORIGIN_RESYNC,
    RECORD_FACTS,
    RECORD_GONE,
    RECORD_MAX,
    RECORD_RESYNC_BEGIN,
    RECORD_RESYNC_END,
    RECORD_RESYNC_GUEST,
    Facts,
    Record,
)
from wanted cimport Wanted
from zmqapi cimport ZMQ_DONTWAIT, ZMQ_FD, Zmq, zmq_load

from hostmon import kinds

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd*, unsigned long, int)
    enum:
        POLLIN

# After these the guest's sizes or devices may be others: the keeper looks it up.
LOOKED_UP = (
    "lifecycle", "balloon-change", "device-added", "device-removed", "disk-change", "tunable",
    "metadata-change", "memory-device-size-change",
)

cdef enum:
    CLASSES = 3
    CONNECTION = 48
    HEARTBEAT = 49
    HEARTBEAT_CLASS = 2
    BATCH = 1 << 18          # bytes taken from the pipe at once
    MESSAGE = 3 * RECORD_MAX # a text of bad bytes grows threefold


cdef class Dispatcher:
    """One event stream: ``pipe`` in, ``table`` kept current, a ZeroMQ publisher out.

    ``epoch`` marks this run, ``host`` names it in every event; a heartbeat goes out every
    ``heartbeat_ns``.
    """

    cdef object pipe_owner
    cdef object table_owner
    cdef Applier applier
    cdef Wanted* wanted
    cdef list alive
    cdef Pipe* pipe
    cdef Zmq zmq
    cdef void* socket
    cdef Encoder encoder
    cdef uint8_t* batch
    cdef uint8_t* message
    cdef uint8_t* found
    cdef uint8_t class_of[KIND_LIMIT]
    cdef uint64_t sequences[CLASSES]
    cdef uint64_t counts[KIND_LIMIT]
    cdef uint64_t lost
    cdef uint64_t malformed
    cdef uint64_t batches
    cdef uint64_t heartbeat_ns
    cdef int wake_fd
    cdef int stopping
    cdef readonly uint64_t epoch

    def __cinit__(self, pipe, table, uint64_t epoch, str host, bytes zmq_path,
                  uint64_t heartbeat_ns=1000000000):
        self.wake_fd = -1
        self.batch = <uint8_t*>malloc(BATCH)
        self.message = <uint8_t*>malloc(MESSAGE)
        self.found = <uint8_t*>malloc(RECORD_MAX)
        self.wanted = <Wanted*>calloc(1, sizeof(Wanted))
        if not (self.batch and self.message and self.found and self.wanted):
            raise MemoryError
        pthread_mutex_init(&self.wanted.lock, NULL)
        self.wanted.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.pipe_owner = pipe
        self.table_owner = table
        self.applier.table = <Table*><uintptr_t>table.address
        self.applier.wanted = self.wanted
        self.applier.looks_up = sum(1 << kinds.NUMBERS[kind] for kind in LOOKED_UP)
        self.pipe = <Pipe*><uintptr_t>pipe.address
        self.epoch = epoch
        self.heartbeat_ns = heartbeat_ns
        self.alive = []
        zmq_load(&self.zmq, zmq_path)
        encoder_load(&self.encoder, epoch, host, self.alive)
        for number, kind in kinds.KINDS.items():
            self.class_of[number] = kinds.CLASSES.index(kinds.CLASS_OF[kind])
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __dealloc__(self):
        free(self.batch)
        free(self.message)
        free(self.found)
        free(self.applier.tracks)
        if self.wanted != NULL:
            os.close(self.wanted.fd)
            pthread_mutex_destroy(&self.wanted.lock)
            free(self.wanted)
        if self.wake_fd >= 0:
            os.close(self.wake_fd)

    def run(self, uintptr_t socket):
        """Dispatch until :meth:`stop`; ``socket`` is a pyzmq socket's ``underlying``, made here."""
        cdef int zmq_fd
        cdef size_t size = sizeof(int)
        self.socket = <void*>socket
        if self.zmq.getsockopt(self.socket, ZMQ_FD, &zmq_fd, &size) < 0:
            raise RuntimeError("the publisher's socket has no file descriptor")
        with nogil:
            self.loop(zmq_fd)

    def stop(self):
        """End :meth:`run`, after what is in the pipe now; from any thread."""
        self.stopping = 1
        os.eventfd_write(self.wake_fd, 1)

    cdef void loop(self, int zmq_fd) noexcept nogil:
        cdef pollfd fds[3]
        cdef uint64_t now
        cdef uint64_t due = 0
        cdef int last_round
        fds[0].fd, fds[1].fd, fds[2].fd = self.pipe.read_fd, self.wake_fd, zmq_fd
        for i in range(3):
            fds[i].events = POLLIN
        while True:
            last_round = self.stopping
            self.drain()
            self.serve_subscriptions()
            if last_round:
                return
            now = monotonic_ns()
            if now >= due:
                self.heartbeat()
                due = now + self.heartbeat_ns
            poll(fds, 3, <int>((due - now) // 1000000) + 1)
            if fds[1].revents:
                read(self.wake_fd, &now, 8)

    cdef void serve_subscriptions(self) noexcept nogil:
        """Take the (un)subscriptions that arrived: only by this does the socket act on them."""
        cdef uint8_t request[256]
        while self.zmq.recv(self.socket, request, sizeof(request), ZMQ_DONTWAIT) >= 0:
            pass

    cdef void drain(self) noexcept nogil:
        """Publish everything the pipe holds."""
        cdef size_t held = 0
        cdef size_t taken
        while True:
            taken = pipe_take(self.pipe, self.batch + held, BATCH - held, &self.lost)
            if taken == 0:
                return
            self.batches += 1
            held = self.dispatch_batch(held + taken)

    cdef size_t dispatch_batch(self, size_t size) noexcept nogil:
        """Dispatch the whole records of the batch; returns the bytes kept of an unfinished one."""
        cdef size_t at = 0
        cdef Record* record
        while size - at >= sizeof(Record):
            record = <Record*>(self.batch + at)
            if size - at < record.size:
                break
            self.dispatch(record)
            at += record.size
        memmove(self.batch, self.batch + at, size - at)
        return size - at

    cdef void dispatch(self, const Record* record) noexcept nogil:
        """One record: an event to publish, or something that the keeper learnt."""
        if record.kind < KIND_LIMIT:
            self.publish(record)
        elif record.kind == RECORD_FACTS and record.size >= sizeof(Record) + sizeof(Facts):
            table_lock(self.applier.table)
            apply_facts(&self.applier, record)
            table_unlock(self.applier.table)
        elif record.kind == RECORD_RESYNC_BEGIN:
            self.applier.comparison += 1
        elif record.kind == RECORD_RESYNC_GUEST and record.size >= sizeof(Record) + sizeof(Facts):
            self.compare(record)
        elif record.kind == RECORD_RESYNC_END:
            self.retire_missing(record)
        elif record.kind == RECORD_GONE:
            self.retire(table_find(self.applier.table, record.uuid), record.monotonic_ns)
        else:
            self.malformed += 1

    cdef void publish(self, const Record* record) noexcept nogil:
        """Number an event, apply it to the table, send it."""
        cdef Buffer message
        cdef int class_
        if self.encoder.topics[record.kind].size == 0:
            self.malformed += 1
            return
        class_ = self.class_of[record.kind]
        self.sequences[class_] += 1
        self.counts[record.kind] += 1
        table_lock(self.applier.table)
        if record.about == ABOUT_GUEST:
            apply_event(&self.applier, record)
        elif record.kind == CONNECTION and record.event == 0:
            table_mark_all_unknown(self.applier.table)
        table_set_sequence(self.applier.table, class_, self.sequences[class_])
        table_unlock(self.applier.table)
        buffer_over(&message, self.message, MESSAGE)
        encode_event(&message, &self.encoder, record, self.sequences[class_])
        # A subscriber whose queue is full loses this message, and sees it by the sequence.
        self.zmq.send(self.socket, self.message, buffer_size(&message), ZMQ_DONTWAIT)

    cdef void publish_steps(
        self, const Record* about, const Step* steps, int count
    ) noexcept nogil:
        """Publish what a comparison found of one guest, as events of origin resync."""
        cdef uint8_t* memory = self.found
        cdef Record* event = <Record*>memory
        cdef int i
        memmove(memory, about, sizeof(Record) + about.name_size)
        event.size = <unsigned int>(sizeof(Record) + about.name_size)
        event.kind = event.fields = 0
        event.origin = ORIGIN_RESYNC
        event.time_ns, event.monotonic_ns = realtime_ns(), monotonic_ns()
        for i in range(count):
            event.event, event.detail = steps[i].event, steps[i].detail
            self.publish(event)

    cdef void compare(self, const Record* listed) noexcept nogil:
        """Publish how what libvirt lists of a guest differs from the table, and settle it."""
        cdef Step steps[MOST_STEPS + 1]
        cdef int count
        table_lock(self.applier.table)
        count = compare_guest(&self.applier, listed, steps)
        table_unlock(self.applier.table)
        if count < 0:
            return
        self.publish_steps(listed, steps, count)
        table_lock(self.applier.table)
        settle_guest(&self.applier, listed)
        table_unlock(self.applier.table)

    cdef void retire_missing(self, const Record* end) noexcept nogil:
        """After a comparison: guests that libvirt did not list are gone."""
        cdef unsigned int row
        for row in range(self.applier.table.rows):
            if is_missing(&self.applier, row, end.monotonic_ns):
                self.retire(row, end.monotonic_ns)

    cdef void retire(self, unsigned int row, uint64_t asked_ns) noexcept nogil:
        """Publish a guest's end and forget it, unless an event came after libvirt was asked.

        Rows are this thread's alone to make and retire: reading one needs no lock here.
        """
        cdef uint8_t* memory = self.found
        cdef Record* gone = <Record*>memory
        cdef Step steps[MOST_STEPS]
        cdef int count
        if row == NO_ROW or track_of(&self.applier, row).last_event_ns > asked_ns:
            return
        row_record(self.applier.table, row, gone)
        count = steps_to_gone(&self.applier, row, steps)
        self.publish_steps(gone, steps, count)
        table_lock(self.applier.table)
        table_retire(self.applier.table, gone.uuid)
        table_unlock(self.applier.table)

    cdef void heartbeat(self) noexcept nogil:
        """Publish each class's last number."""
        cdef uint8_t memory[1024]
        cdef Record* record = <Record*>memory
        cdef Buffer body
        memset(record, 0, sizeof(Record))
        record.kind = HEARTBEAT
        record.time_ns = realtime_ns()
        record.monotonic_ns = monotonic_ns()
        record.fields = 1
        buffer_over(&body, memory + sizeof(Record), sizeof(memory) - sizeof(Record))
        put_text(&body, "classes")
        put_array(&body, CLASSES - 1)
        put_array(&body, 2)
        put_text(&body, "lifecycle")
        put_uint(&body, self.sequences[0])
        put_array(&body, 2)
        put_text(&body, "host")
        put_uint(&body, self.sequences[1])
        record.size = <unsigned int>(sizeof(Record) + buffer_size(&body))
        self.publish(record)

    @property
    def sequence_of(self):
        """Each class's last number."""
        return {name: self.sequences[i] for i, name in enumerate(kinds.CLASSES)}

    @property
    def count_of(self):
        """Events published, by kind."""
        return {name: self.counts[number] for number, name in kinds.KINDS.items()}

    @property
    def wanted_fd(self):
        """Readable while the keeper should look something up."""
        return self.wanted.fd

    def take_wanted(self):
        """The guests to look up, as 16 bytes each; None: compare everything."""
        cdef uint64_t rung
        cdef unsigned int i
        pthread_mutex_lock(&self.wanted.lock)
        read(self.wanted.fd, &rung, 8)
        everything = self.wanted.all
        uuids = [<bytes>(<const char*>self.wanted.uuids[i])[:16] for i in range(self.wanted.count)]
        self.wanted.all = self.wanted.count = 0
        pthread_mutex_unlock(&self.wanted.lock)
        return None if everything else uuids

    @property
    def lost_records(self):
        """Records that found the native queue full."""
        return self.lost
