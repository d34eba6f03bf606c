"""The dispatcher's loop: drains the pipe, numbers each event, publishes it; without the GIL.

The only writer of the sequences. Python makes the socket in the same thread (hostmon/dispatcher.py)
and calls :meth:`Dispatcher.run`, which returns when told to stop.
"""

import os

from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memmove, memset
from posix.unistd cimport read

from clock cimport monotonic_ns, realtime_ns
from encoder cimport Chunk, Encoder, encode_event
from msgpack cimport (
    Buffer,
    buffer_over,
    buffer_size,
    put_array,
    put_text,
    put_uint,
)
from names cimport names_load
from pipe cimport Pipe, pipe_take
from record cimport KIND_LIMIT, RECORD_MAX, Record
from zmqapi cimport ZMQ_DONTWAIT, ZMQ_FD, Zmq, zmq_load

import msgspec

from hostmon import events, kinds

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd*, unsigned long, int)
    enum:
        POLLIN

cdef enum:
    CLASSES = 3
    HEARTBEAT = 49
    HEARTBEAT_CLASS = 2
    BATCH = 1 << 18          # bytes taken from the pipe at once
    MESSAGE = 3 * RECORD_MAX # a text of bad bytes grows threefold


cdef class Dispatcher:
    """One event stream: ``pipe`` in, a ZeroMQ publisher out.

    ``epoch`` marks this run, ``host`` names it in every event; a heartbeat goes out every
    ``heartbeat_ns``.
    """

    cdef object pipe_owner
    cdef list alive
    cdef Pipe* pipe
    cdef Zmq zmq
    cdef void* socket
    cdef Encoder encoder
    cdef uint8_t* batch
    cdef uint8_t* message
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

    def __cinit__(self, pipe, uint64_t epoch, str host, bytes zmq_path,
                  uint64_t heartbeat_ns=1000000000):
        self.wake_fd = -1
        self.batch = <uint8_t*>malloc(BATCH)
        self.message = <uint8_t*>malloc(MESSAGE)
        if self.batch == NULL or self.message == NULL:
            raise MemoryError
        self.pipe_owner = pipe
        self.pipe = <Pipe*><uintptr_t>pipe.address
        self.epoch = epoch
        self.heartbeat_ns = heartbeat_ns
        self.alive = []
        zmq_load(&self.zmq, zmq_path)
        self.prepare(epoch, host)
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __dealloc__(self):
        free(self.batch)
        free(self.message)
        if self.wake_fd >= 0:
            os.close(self.wake_fd)

    cdef int keep(self, Chunk* chunk, bytes data) except -1:
        self.alive.append(data)
        chunk.data = data
        chunk.size = len(data)
        return 0

    cdef int prepare(self, uint64_t epoch, str host) except -1:
        """Encode ahead what does not change within a run."""
        encode = msgspec.msgpack.encode
        memset(&self.encoder, 0, sizeof(Encoder))
        memset(self.class_of, 0, KIND_LIMIT)
        for number, kind in kinds.KINDS.items():
            class_ = kinds.CLASS_OF[kind]
            self.class_of[number] = kinds.CLASSES.index(class_)
            self.keep(&self.encoder.topics[number], f"{class_}/{kind}/".encode())
            head = (("kind", kind), ("v", events.WIRE_VERSION), ("epoch", epoch))
            self.keep(
                &self.encoder.heads[number],
                b"".join(encode(key) + encode(value) for key, value in head) + encode("sequence"))
        self.keep(&self.encoder.host, encode("host") + encode(host) + encode("time_ns"))
        for i, origin in enumerate(kinds.ORIGINS):
            self.keep(&self.encoder.origins[i], encode("origin") + encode(origin))
        names_load(&self.encoder.lifecycle_events, kinds.LIFECYCLE_EVENTS, self.alive)
        for i, details in enumerate(kinds.LIFECYCLE_DETAILS):
            names_load(&self.encoder.lifecycle_details[i], details, self.alive)
        return 0

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
        cdef Buffer message
        cdef int class_
        if record.kind >= KIND_LIMIT or self.encoder.topics[record.kind].size == 0:
            self.malformed += 1
            return
        class_ = self.class_of[record.kind]
        self.sequences[class_] += 1
        self.counts[record.kind] += 1
        buffer_over(&message, self.message, MESSAGE)
        encode_event(&message, &self.encoder, record, self.sequences[class_])
        # A subscriber whose queue is full loses this message, and sees it by the sequence.
        self.zmq.send(self.socket, self.message, buffer_size(&message), ZMQ_DONTWAIT)

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
        self.dispatch(record)

    @property
    def sequence_of(self):
        """Each class's last number."""
        return {name: self.sequences[i] for i, name in enumerate(kinds.CLASSES)}

    @property
    def count_of(self):
        """Events published, by kind."""
        return {name: self.counts[number] for number, name in kinds.KINDS.items()}

    @property
    def lost_records(self):
        """Records that found the native queue full."""
        return self.lost
