"""A record becomes a message: topic, a NUL byte, the MessagePack map of docs/wire.md.

Inline functions without the GIL. What never changes within a run (kind, epoch, host) is encoded
once, by `encoder_load`, and copied.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from kinds cimport KIND_LIFECYCLE
from msgpack cimport (
    Buffer,
    buffer_size,
    put_bool,
    put_byte,
    put_bytes_as_text,
    put_int,
    put_map,
    put_nil,
    put_raw,
    put_text,
    put_text_header,
    put_uint,
)
from names cimport Names, names_load, put_name
from record cimport ABOUT_GUEST, ABOUT_HOST, KIND_LIMIT, Record
from ring cimport Stamp

cdef enum:
    # kind, v, epoch, sequence, kind_previous, host, time_ns, monotonic_ns, origin, sums, truncated
    COMMON_FIELDS = 11
    LIFECYCLE_EVENTS = 9
    ORIGINS = 4
    REPLAYED = 3             # of kinds.ORIGINS
    LIFECYCLE_FIELDS = 5     # of this kind: they come from the header and the stamp

cdef struct Chunk:
    # Bytes encoded ahead; the owner keeps them alive.
    const uint8_t* data
    size_t size

cdef struct Encoder:
    Chunk topics[KIND_LIMIT]     # "lifecycle/reboot/"
    Chunk heads[KIND_LIMIT]      # kind, v, epoch, and the key of the sequence
    Chunk host                   # host, and the key of time_ns
    Chunk origins[ORIGINS]
    Chunk welcome                # kind, v, epoch, host of the welcome message
    Names kinds
    Names classes
    Names states
    Names lifecycle_events
    Names lifecycle_details[LIFECYCLE_EVENTS]
    Names no_names


cdef inline int chunk_keep(Chunk* chunk, bytes data, list alive) except -1:
    alive.append(data)
    chunk.data = data
    chunk.size = len(data)
    return 0


cdef inline int encoder_load(Encoder* e, uint64_t epoch, str host, list alive) except -1:
    """Encode ahead what does not change within a run; ``alive`` keeps the bytes."""
    import msgspec

    from hostmon import events, kinds

    encode = msgspec.msgpack.encode
    memset(e, 0, sizeof(Encoder))
    for number, kind in kinds.KINDS.items():
        topic = f"{kinds.CLASS_OF[kind]}/{kind}/".encode()
        chunk_keep(&e.topics[<int>number], topic, alive)
        head = (("kind", kind), ("v", events.WIRE_VERSION), ("epoch", epoch))
        encoded = b"".join([encode(key) + encode(value) for key, value in head])
        chunk_keep(&e.heads[<int>number], encoded + encode("sequence"), alive)
    chunk_keep(&e.host, encode("host") + encode(host) + encode("time_ns"), alive)
    for i, origin in enumerate(kinds.ORIGINS):
        chunk_keep(&e.origins[<int>i], encode("origin") + encode(origin), alive)
    whole = (("kind", "welcome"), ("v", events.WIRE_VERSION), ("epoch", epoch), ("host", host))
    chunk_keep(
        &e.welcome, b"".join([encode(key) + encode(value) for key, value in whole]), alive)
    names_load(&e.kinds, tuple([kinds.KINDS.get(n, "") for n in range(KIND_LIMIT)]), alive)
    names_load(&e.classes, kinds.CLASSES, alive)
    names_load(&e.states, kinds.STATES, alive)
    names_load(&e.lifecycle_events, kinds.LIFECYCLE_EVENTS, alive)
    for i, details in enumerate(kinds.LIFECYCLE_DETAILS):
        names_load(&e.lifecycle_details[<int>i], details, alive)
    return 0


cdef inline void put_chunk(Buffer* b, const Chunk* chunk) noexcept nogil:
    put_raw(b, chunk.data, chunk.size)


cdef inline void uuid_text(const uint8_t* uuid, uint8_t* out) noexcept nogil:
    """The 36 characters of 16 bytes, as RFC 4122 writes them."""
    cdef const char* digits = b"0123456789abcdef"
    cdef int i
    cdef int at = 0
    for i in range(16):
        if i == 4 or i == 6 or i == 8 or i == 10:
            out[at] = c'-'
            at += 1
        out[at] = digits[uuid[i] >> 4]
        out[at + 1] = digits[uuid[i] & 15]
        at += 2


cdef inline void put_identity(
    Buffer* b, const Record* r, const Stamp* stamp, const uint8_t* uuid
) noexcept nogil:
    put_text(b, "uuid")
    put_text_header(b, 36)
    put_raw(b, uuid, 36)
    put_text(b, "name")
    put_bytes_as_text(b, <const uint8_t*>r + sizeof(Record), r.name_size)
    if r.about == ABOUT_GUEST:
        put_text(b, "id")
        put_int(b, r.id)
        put_text(b, "previous")
        put_uint(b, stamp.previous)


cdef inline void put_lifecycle(
    Buffer* b, const Encoder* e, const Record* r, const Stamp* stamp
) noexcept nogil:
    cdef const Names* details = &e.no_names
    if 0 <= r.event < LIFECYCLE_EVENTS:
        details = &e.lifecycle_details[r.event]
    put_text(b, "event")
    put_name(b, &e.lifecycle_events, r.event)
    put_text(b, "detail")
    put_name(b, details, r.detail)
    put_text(b, "state")
    if stamp.state < 0:
        put_text(b, "absent")
    else:
        put_name(b, &e.states, stamp.state)
    put_text(b, "reason")
    put_int(b, stamp.reason)
    put_text(b, "persistent")
    put_bool(b, stamp.persistent)


cdef inline void put_event(
    Buffer* b, const Encoder* e, const Record* r, const Stamp* stamp
) noexcept nogil:
    """The payload of one record whose kind is below KIND_LIMIT."""
    cdef uint8_t uuid[36]
    cdef int identity = 0
    cdef int lifecycle = r.kind == KIND_LIFECYCLE
    cdef int origin = REPLAYED if stamp.replayed else r.origin
    if r.about != ABOUT_HOST:
        uuid_text(r.uuid, uuid)
        identity = 4 if r.about == ABOUT_GUEST else 2
    put_map(b, COMMON_FIELDS + identity + r.fields + LIFECYCLE_FIELDS * lifecycle)
    put_chunk(b, &e.heads[r.kind])
    put_uint(b, stamp.sequences[stamp.class_])
    put_text(b, "kind_previous")
    put_uint(b, stamp.kind_previous)
    put_chunk(b, &e.host)
    put_uint(b, r.time_ns)
    put_text(b, "monotonic_ns")
    put_uint(b, r.monotonic_ns)
    put_chunk(b, &e.origins[origin if origin < ORIGINS else 0])
    put_text(b, "sums")
    if stamp.tail:
        put_raw(b, <const uint8_t*>r + r.size - stamp.tail, stamp.tail)
    else:
        put_nil(b)
    put_text(b, "truncated")
    put_bool(b, r.truncated)
    if identity:
        put_identity(b, r, stamp, uuid)
    if lifecycle:
        put_lifecycle(b, e, r, stamp)
    put_raw(
        b, <const uint8_t*>r + sizeof(Record) + r.name_size,
        r.size - sizeof(Record) - r.name_size - stamp.tail)


cdef inline void put_message(
    Buffer* b, const Encoder* e, const Record* r, const Stamp* stamp
) noexcept nogil:
    """The whole message: topic, NUL, payload."""
    cdef uint8_t uuid[36]
    put_chunk(b, &e.topics[r.kind])
    if r.about != ABOUT_HOST:
        uuid_text(r.uuid, uuid)
        put_raw(b, uuid, 36)
    put_byte(b, 0)
    put_event(b, e, r, stamp)
