"""A record in the making: what the callbacks share. Inline functions, without the GIL."""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from clock cimport monotonic_ns, realtime_ns
from libvirt cimport *
from msgpack cimport (
    Buffer,
    buffer_over,
    buffer_size,
    put_array,
    put_bool,
    put_bytes_as_text,
    put_double,
    put_int,
    put_nil,
    put_text,
    put_uint,
)
from pipe cimport Pipe, pipe_deliver, pipe_lose
from record cimport ABOUT_GUEST, ORIGIN_LIVE, RECORD_MAX, Record

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char*, size_t)

cdef enum:
    # Bounds of what one record may carry: together they fit into RECORD_MAX, even where every byte
    # of a text is replaced by the three of U+FFFD. What is cut to them is marked as truncated.
    LONGEST_TEXT = 4096      # PATH_MAX, what libvirt's own paths are bounded by
    SHORT_TEXT = 256         # values of typed parameters, addresses, identities
    MOST_PARAMETERS = 60
    MOST_IDENTITIES = 16

cdef struct Draft:
    # A record in the making, on the native thread's stack: header, name, body.
    Pipe* pipe
    Record* header
    Buffer body
    uint8_t bytes[RECORD_MAX]


cdef inline void begin(Draft* d, void* opaque, int kind, const char* name) noexcept nogil:
    """Start a record about something of this name; its header lies at the front of the draft."""
    cdef size_t size
    d.pipe = <Pipe*>opaque
    d.header = <Record*>d.bytes
    memset(d.header, 0, sizeof(Record))
    size = bounded(d, name, LONGEST_TEXT)
    d.header.kind = kind
    d.header.event = d.header.detail = d.header.id = -1
    d.header.origin = ORIGIN_LIVE
    d.header.time_ns = realtime_ns()
    d.header.monotonic_ns = monotonic_ns()
    d.header.name_size = <unsigned short>size
    memcpy(d.bytes + sizeof(Record), name, size)
    buffer_over(&d.body, d.bytes + sizeof(Record) + size, RECORD_MAX - sizeof(Record) - size)


cdef inline void begin_domain(Draft* d, virDomainPtr dom, void* opaque, int kind) noexcept nogil:
    begin(d, opaque, kind, virDomainGetName(dom))
    virDomainGetUUID(dom, d.header.uuid)
    # -1 for a domain that is not running: libvirt's (unsigned int)-1.
    d.header.id = <int>virDomainGetID(dom)
    d.header.about = ABOUT_GUEST


cdef inline void send(Draft* d) noexcept nogil:
    """Hand the record over; one that did not fit counts as lost."""
    if d.body.overflow:
        pipe_lose(d.pipe, d.header.kind)
        return
    d.header.size = <unsigned int>(
        sizeof(Record) + d.header.name_size + buffer_size(&d.body))
    pipe_deliver(d.pipe, d.header)


cdef inline size_t bounded(Draft* d, const char* text, size_t most) noexcept nogil:
    """The bytes of a text, at most so many; the record tells if there are more."""
    cdef size_t size = strnlen(text, most + 1) if text != NULL else 0
    if size <= most:
        return size
    d.header.truncated = 1
    return most


cdef inline int bounded_count(Draft* d, int count, int most) noexcept nogil:
    """The items of a list, at most so many; the record tells if there are more."""
    if count <= most:
        return count
    d.header.truncated = 1
    return most


cdef inline void put_bounded(Draft* d, const char* text, size_t most) noexcept nogil:
    """At most so many bytes of a text, nil for NULL."""
    if text == NULL:
        put_nil(&d.body)
    else:
        put_bytes_as_text(&d.body, <const uint8_t*>text, bounded(d, text, most))


cdef inline Buffer* field(Draft* d, const char* key) noexcept nogil:
    """Begin one field of the body; the caller puts exactly one value."""
    d.header.fields += 1
    put_text(&d.body, key)
    return &d.body


cdef inline void text_field(Draft* d, const char* key, const char* text) noexcept nogil:
    field(d, key)
    put_bounded(d, text, LONGEST_TEXT)


cdef inline void put_parameter(Draft* d, virTypedParameter* p) noexcept nogil:
    cdef Buffer* b = &d.body
    put_array(b, 2)
    put_bytes_as_text(b, <const uint8_t*>p.field, strnlen(p.field, VIR_TYPED_PARAM_FIELD_LENGTH))
    if p.type == VIR_TYPED_PARAM_INT:
        put_int(b, p.value.i)
    elif p.type == VIR_TYPED_PARAM_UINT:
        put_uint(b, p.value.ui)
    elif p.type == VIR_TYPED_PARAM_LLONG:
        put_int(b, p.value.l)
    elif p.type == VIR_TYPED_PARAM_ULLONG:
        put_uint(b, p.value.ul)
    elif p.type == VIR_TYPED_PARAM_DOUBLE:
        put_double(b, p.value.d)
    elif p.type == VIR_TYPED_PARAM_BOOLEAN:
        put_bool(b, p.value.b)
    elif p.type == VIR_TYPED_PARAM_STRING:
        put_bounded(d, p.value.s, SHORT_TEXT)
    else:
        put_nil(b)  # a type this libvirt.h does not know


cdef inline void parameters_field(
    Draft* d, virTypedParameterPtr params, int count
) noexcept nogil:
    cdef int i
    count = bounded_count(d, count, MOST_PARAMETERS)
    put_array(field(d, "params"), count)
    for i in range(count):
        put_parameter(d, &params[i])
