"""The publisher's socket: what goes out through it, and what its peers send.

Owned by the dispatcher's thread alone. Inline functions, without the GIL.
"""

from libc.stdint cimport uint8_t, uint64_t

from announce cimport put_welcome
from encoder cimport Encoder, put_message
from msgpack cimport Buffer, buffer_over, buffer_size
from record cimport RECORD_MAX, Record
from ring cimport Stamp
from zmqapi cimport ZMQ_DONTWAIT, ZMQ_XPUB_WELCOME_MSG, Zmq

cdef enum:
    MESSAGE = 3 * RECORD_MAX # a text of bad bytes grows threefold
    WELCOME = 1024

cdef struct Outlet:
    Zmq zmq
    void* socket
    uint8_t* message         # MESSAGE bytes
    uint64_t sent


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


cdef inline void outlet_serve(Outlet* out) noexcept nogil:
    """Take the (un)subscriptions that arrived: only by this does the socket act on them."""
    cdef uint8_t request[256]
    while out.zmq.recv(out.socket, request, sizeof(request), ZMQ_DONTWAIT) >= 0:
        pass
