"""The publisher's socket: what goes out through it, and what its peers send.

Owned by whoever has the turn (ext/pipe.pxd). Inline functions, without the GIL.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc

from announce cimport put_welcome
from clock cimport monotonic_ns
from encoder cimport Encoder, put_message
from msgpack cimport Buffer, buffer_over, buffer_size
from peers cimport PEERS, Peer, Peers, peer_said
from record cimport RECORD_MAX, Record
from ring cimport Stamp
from zmqapi cimport (
    ZMQ_DONTWAIT, ZMQ_FD, ZMQ_SRCFD, ZMQ_XPUB_WELCOME_MSG, Zmq, ZmqMessage, zmq_load
)

cdef enum:
    MESSAGE = 3 * RECORD_MAX # a text of bad bytes grows threefold
    WELCOME = 1024
    SERVED = 1024            # messages of subscribers at a turn

cdef struct Outlet:
    Zmq zmq
    void* socket
    uint8_t* message         # MESSAGE bytes
    uint64_t sent
    Peers peers


cdef inline int outlet_init(Outlet* out, bytes zmq_path) except -1:
    """Get the memory and libzmq's functions."""
    zmq_load(&out.zmq, zmq_path)
    out.message = <uint8_t*>malloc(MESSAGE)
    out.peers.known = <Peer*>calloc(PEERS, sizeof(Peer))
    if out.message == NULL or out.peers.known == NULL:
        raise MemoryError
    return 0


cdef inline int outlet_over(Outlet* out, void* socket) except -1:
    """Publish through this socket from now on; its file descriptor, to wait for."""
    cdef int fd
    cdef size_t size = sizeof(int)
    out.socket = socket
    if out.zmq.getsockopt(socket, ZMQ_FD, &fd, &size) < 0:
        raise RuntimeError("the publisher's socket has no file descriptor")
    return fd


cdef inline void outlet_free(Outlet* out) noexcept nogil:
    free(out.message)
    free(out.peers.known)


cdef inline void outlet_send(
    Outlet* out, const Encoder* e, const Record* record, const Stamp* stamp
) noexcept nogil:
    """Publish one event. A subscriber whose queue is full loses it, and sees it by the numbers."""
    cdef Buffer message
    buffer_over(&message, out.message, MESSAGE)
    put_message(&message, e, record, stamp)
    out.zmq.send(out.socket, out.message, buffer_size(&message), ZMQ_DONTWAIT)
    out.sent += 1


cdef inline void outlet_welcome(
    Outlet* out, const Encoder* e, const uint64_t* sequences, int count
) noexcept nogil:
    """Set what the next subscriber is told first."""
    cdef uint8_t memory[WELCOME]
    cdef Buffer message
    buffer_over(&message, memory, WELCOME)
    put_welcome(&message, e, sequences, count)
    out.zmq.setsockopt(out.socket, ZMQ_XPUB_WELCOME_MSG, memory, buffer_size(&message))


cdef inline int outlet_serve(Outlet* out) noexcept nogil:
    """Take the (un)subscriptions that arrived: only by this does the socket act on them.

    True if there may be more: the socket's descriptor tells only of what comes after all are taken.
    """
    cdef ZmqMessage message
    cdef uint64_t now = monotonic_ns()
    cdef int left = SERVED
    out.zmq.msg_init(&message)
    while left and out.zmq.msg_recv(&message, out.socket, ZMQ_DONTWAIT) >= 0:
        peer_said(
            &out.peers, out.zmq.msg_get(&message, ZMQ_SRCFD),
            <const uint8_t*>out.zmq.msg_data(&message), out.zmq.msg_size(&message), now)
        left -= 1
    out.zmq.msg_close(&message)
    return left == 0
