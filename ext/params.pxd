"""Typed parameters as libvirt's statistics carry them: values and the parts of a field's name.

Owns what a value of any type is worth as an unsigned number; a type that this libvirt.h does not
know, a text or a negative number is worth nothing (UNKNOWN).
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcmp, strlen

from libvirt cimport (
    VIR_TYPED_PARAM_BOOLEAN,
    VIR_TYPED_PARAM_DOUBLE,
    VIR_TYPED_PARAM_INT,
    VIR_TYPED_PARAM_LLONG,
    VIR_TYPED_PARAM_UINT,
    VIR_TYPED_PARAM_ULLONG,
    virTypedParameter,
)
from rows cimport UNKNOWN

cdef struct Column:
    # Where a field's value goes, and what one of its units is there.
    const char* name
    size_t offset
    uint64_t factor


cdef inline Column column(
    const char* name, const void* field, const void* base, uint64_t factor
) noexcept:
    """The column of a name, whose field stands in a struct at ``base``."""
    cdef Column made
    made.name = name
    made.offset = <const char*>field - <const char*>base
    made.factor = factor
    return made


cdef inline uint64_t param_value(const virTypedParameter* p) noexcept nogil:
    if p.type == VIR_TYPED_PARAM_ULLONG:
        return p.value.ul
    if p.type == VIR_TYPED_PARAM_UINT:
        return p.value.ui
    if p.type == VIR_TYPED_PARAM_INT:
        return <uint64_t>p.value.i if p.value.i >= 0 else UNKNOWN
    if p.type == VIR_TYPED_PARAM_LLONG:
        return <uint64_t>p.value.l if p.value.l >= 0 else UNKNOWN
    if p.type == VIR_TYPED_PARAM_BOOLEAN:
        return p.value.b != 0
    if p.type == VIR_TYPED_PARAM_DOUBLE:
        return <uint64_t>p.value.d if 0 <= p.value.d < 1.8e19 else UNKNOWN
    return UNKNOWN


cdef inline bint starts(const char* text, const char* with_) noexcept nogil:
    return memcmp_prefix(text, with_, strlen(with_))


cdef inline bint memcmp_prefix(const char* text, const char* with_, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        if text[i] != with_[i]:
            return False
    return True


cdef inline const char* numbered(const char* rest, uint64_t* number) noexcept nogil:
    """Read "NUMBER." at the front of a field's rest; what follows it, or NULL."""
    cdef uint64_t value = 0
    cdef const char* p = rest
    while c"0" <= p[0] <= c"9" and value < 1000000000:
        value = value * 10 + (p[0] - c"0")
        p += 1
    if p == rest or p[0] != c".":
        return NULL
    number[0] = value
    return p + 1


cdef inline bint put_column(
    char* base, const Column* columns, int count, const char* name, uint64_t value
) noexcept nogil:
    """Store a value under its field's name; false if no column has the name."""
    cdef int i
    for i in range(count):
        if same_text(columns[i].name, name):
            if value == UNKNOWN or value > (UNKNOWN - 1) // columns[i].factor:
                value = UNKNOWN
            else:
                value *= columns[i].factor
            (<uint64_t*>(base + columns[i].offset))[0] = value
            return True
    return False


cdef inline bint same_text(const char* a, const char* b) noexcept nogil:
    cdef size_t size = strlen(a)
    return size == strlen(b) and memcmp(a, b, size) == 0
