"""MessagePack, as much of it as the wire format needs, written without the GIL.

Inline functions: each extension compiles its own copy. A ``Buffer`` is memory of the caller's; what
does not fit sets ``overflow`` and writes nothing, so that a writer checks once, at its end.
Encodings are the shortest ones, as msgspec's, so that both produce the same bytes.
Source: the MessagePack specification.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, strlen

cdef struct Buffer:
    uint8_t* start
    uint8_t* at
    uint8_t* end
    int overflow


cdef inline void buffer_over(Buffer* b, void* memory, size_t size) noexcept nogil:
    b.start = <uint8_t*>memory
    b.at = b.start
    b.end = b.start + size
    b.overflow = 0


cdef inline size_t buffer_size(const Buffer* b) noexcept nogil:
    return b.at - b.start


cdef inline void put_raw(Buffer* b, const void* data, size_t size) noexcept nogil:
    if <size_t>(b.end - b.at) < size:
        b.overflow = 1
        return
    memcpy(b.at, data, size)
    b.at += size


cdef inline void put_byte(Buffer* b, uint8_t byte) noexcept nogil:
    put_raw(b, &byte, 1)


cdef inline void put_tagged(Buffer* b, uint8_t tag, uint64_t value, int width) noexcept nogil:
    """A tag and a big-endian number of ``width`` bytes."""
    cdef uint8_t out[9]
    cdef int i
    out[0] = tag
    for i in range(width):
        out[1 + i] = <uint8_t>(value >> (8 * (width - 1 - i)))
    put_raw(b, out, 1 + width)


cdef inline void put_uint(Buffer* b, uint64_t value) noexcept nogil:
    if value < 0x80:
        put_byte(b, <uint8_t>value)
    elif value <= 0xFF:
        put_tagged(b, 0xCC, value, 1)
    elif value <= 0xFFFF:
        put_tagged(b, 0xCD, value, 2)
    elif value <= 0xFFFFFFFFULL:
        put_tagged(b, 0xCE, value, 4)
    else:
        put_tagged(b, 0xCF, value, 8)


cdef inline void put_int(Buffer* b, int64_t value) noexcept nogil:
    if value >= 0:
        put_uint(b, <uint64_t>value)
    elif value >= -32:
        put_byte(b, <uint8_t>value)
    elif value >= -128:
        put_tagged(b, 0xD0, <uint64_t>value, 1)
    elif value >= -32768:
        put_tagged(b, 0xD1, <uint64_t>value, 2)
    elif value >= -2147483648LL:
        put_tagged(b, 0xD2, <uint64_t>value, 4)
    else:
        put_tagged(b, 0xD3, <uint64_t>value, 8)


cdef inline void put_nil(Buffer* b) noexcept nogil:
    put_byte(b, 0xC0)


cdef inline void put_bool(Buffer* b, int value) noexcept nogil:
    put_byte(b, 0xC3 if value else 0xC2)


cdef inline void put_double(Buffer* b, double value) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &value, 8)
    put_tagged(b, 0xCB, bits, 8)


cdef inline int get_uint(const uint8_t* at, const uint8_t* end, uint64_t* out) noexcept nogil:
    """Read a number as `put_uint` writes it; 0 if there is none."""
    cdef int width, i
    if at >= end:
        return 0
    if at[0] < 0x80:
        out[0] = at[0]
        return 1
    width = 1 << (at[0] - 0xCC) if 0xCC <= at[0] <= 0xCF else 0
    if width == 0 or end - at <= width:
        return 0
    out[0] = 0
    for i in range(width):
        out[0] = out[0] << 8 | at[1 + i]
    return 1


cdef inline void put_container(
    Buffer* b, uint8_t fix, uint8_t tag16, uint64_t count
) noexcept nogil:
    if count < 16:
        put_byte(b, <uint8_t>(fix | count))
    elif count <= 0xFFFF:
        put_tagged(b, tag16, count, 2)
    else:
        put_tagged(b, tag16 + 1, count, 4)


cdef inline void put_map(Buffer* b, uint64_t pairs) noexcept nogil:
    put_container(b, 0x80, 0xDE, pairs)


cdef inline void put_array(Buffer* b, uint64_t items) noexcept nogil:
    put_container(b, 0x90, 0xDC, items)


cdef inline void put_text_header(Buffer* b, size_t size) noexcept nogil:
    if size < 32:
        put_byte(b, <uint8_t>(0xA0 | size))
    elif size <= 0xFF:
        put_tagged(b, 0xD9, size, 1)
    elif size <= 0xFFFF:
        put_tagged(b, 0xDA, size, 2)
    else:
        put_tagged(b, 0xDB, size, 4)


cdef inline size_t utf8_step(const uint8_t* p, size_t left) noexcept nogil:
    """Size of the valid UTF-8 sequence at p, 0 where there is none (RFC 3629, table 3-7)."""
    cdef uint8_t c = p[0]
    cdef uint8_t low = 0x80
    cdef uint8_t high = 0xBF
    cdef size_t size, i
    if c < 0x80:
        return 1
    if 0xC2 <= c <= 0xDF:
        size = 2
    elif 0xE0 <= c <= 0xEF:
        size = 3
        if c == 0xE0:
            low = 0xA0
        elif c == 0xED:
            high = 0x9F
    elif 0xF0 <= c <= 0xF4:
        size = 4
        if c == 0xF0:
            low = 0x90
        elif c == 0xF4:
            high = 0x8F
    else:
        return 0
    if left < size or p[1] < low or p[1] > high:
        return 0
    for i in range(2, size):
        if p[i] < 0x80 or p[i] > 0xBF:
            return 0
    return size


cdef inline void put_bytes_as_text(Buffer* b, const uint8_t* text, size_t size) noexcept nogil:
    """Text of any bytes: each byte that is not UTF-8 becomes U+FFFD, as a decoder expects."""
    cdef size_t i = 0
    cdef size_t step
    cdef size_t bad = 0
    while i < size:
        step = utf8_step(text + i, size - i)
        bad += step == 0
        i += step if step else 1
    put_text_header(b, size + 2 * bad)
    if not bad:
        put_raw(b, text, size)
        return
    i = 0
    while i < size:
        step = utf8_step(text + i, size - i)
        if step:
            put_raw(b, text + i, step)
            i += step
        else:
            put_raw(b, b"\xef\xbf\xbd", 3)
            i += 1


cdef inline void put_text(Buffer* b, const char* text) noexcept nogil:
    """A C string, or nil for NULL."""
    if text == NULL:
        put_nil(b)
    else:
        put_bytes_as_text(b, <const uint8_t*>text, strlen(text))
