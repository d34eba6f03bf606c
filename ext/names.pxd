"""Tables of libvirt's names in C memory, for encoding without the GIL.

The names come from hostmon/kinds.py, once, when an extension loads; there is no second list.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc

from msgpack cimport Buffer, put_int, put_text

cdef struct Names:
    int count
    const char** names


cdef inline int names_load(Names* table, tuple texts, list alive) except -1:
    """Fill a table; ``alive`` keeps the bytes for as long as the module lives."""
    cdef bytes encoded
    table.names = <const char**>calloc(len(texts) + 1, sizeof(char*))
    if table.names == NULL:
        raise MemoryError
    table.count = 0
    for text in texts:
        encoded = text.encode()
        alive.append(encoded)
        table.names[table.count] = encoded
        table.count += 1
    return 0


cdef inline void put_name(Buffer* b, const Names* table, int64_t number) noexcept nogil:
    """The name of a number, or the number where the table has none."""
    if 0 <= number < table.count and table.names[number][0]:
        put_text(b, table.names[number])
    else:
        put_int(b, number)
