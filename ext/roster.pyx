"""The guests of a snapshot as the request socket gives them out: MessagePack, without the GIL."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc

from encoder cimport uuid_text
from msgpack cimport (
    Buffer,
    buffer_over,
    buffer_size,
    put_bool,
    put_bytes_as_text,
    put_int,
    put_map,
    put_raw,
    put_text,
    put_text_header,
    put_uint,
)
from names cimport Names, names_load, put_name
from rows cimport GROUP_SIZES, UNKNOWN, Row
from view cimport View, view_array, view_row

from hostmon import kinds
from hostmon._table import PRESENCES

cdef Names states
cdef Names presences
cdef list alive = []
names_load(&states, kinds.STATES, alive)
names_load(&presences, PRESENCES, alive)

cdef enum:
    FIELDS = 13
    BESIDE_NAME = 512        # bytes of a guest without its name, at most


cdef uint64_t known(uint64_t value) noexcept nogil:
    return 0 if value == UNKNOWN else value


cdef void put_guest(Buffer* b, const View* view, const Row* row) noexcept nogil:
    """One guest as a GuestStatus (hostmon/status.py)."""
    cdef uint8_t uuid[36]
    put_map(b, FIELDS)
    put_text(b, "uuid")
    uuid_text(row.uuid, uuid)
    put_text_header(b, 36)
    put_raw(b, uuid, 36)
    put_text(b, "name")
    put_bytes_as_text(b, <const uint8_t*>view_array(view, &row.name), row.name.count)
    put_text(b, "id")
    put_int(b, row.id)
    put_text(b, "presence")
    put_name(b, &presences, row.presence)
    put_text(b, "state")
    put_name(b, &states, row.state)
    put_text(b, "reason")
    put_int(b, row.reason)
    put_text(b, "vcpus")
    put_uint(b, known(row.sizes.vcpus))
    put_text(b, "memory")
    put_uint(b, known(row.sizes.memory))
    put_text(b, "memory_max")
    put_uint(b, known(row.sizes.memory_max))
    put_text(b, "cpu_time_ns")
    put_uint(b, known(row.cpu.time_ns))
    put_text(b, "persistent")
    put_bool(b, row.persistent)
    put_text(b, "autostart")
    put_bool(b, row.autostart)
    put_text(b, "known_ns")
    put_uint(b, row.good_ns[GROUP_SIZES])


cdef uint32_t put_page(Buffer* b, const View* view, uint32_t row, uint32_t* count) noexcept nogil:
    """Guests from `row` on, as many as fit; the row to go on at, 0 when there is none."""
    cdef const Row* guest
    while row < view.rows:
        guest = view_row(view, row)
        if guest.alive:
            if <size_t>(b.end - b.at) < BESIDE_NAME + 3 * <size_t>guest.name.count:
                return row
            put_guest(b, view, guest)
            count[0] += 1
        row += 1
    return 0


def page(uintptr_t view_address, uint32_t row, size_t room=1 << 20):
    """One page of a snapshot's guests from ``row`` on: their maps joined, how many, the next row.

    ``view_address`` is a Snapshot's ``address``; ``room`` is at least 32 KiB.
    """
    cdef Buffer out
    cdef uint32_t count = 0
    cdef uint8_t* memory
    if room < 1 << 15:
        raise ValueError(f"a page of {room} bytes: give at least 32768")
    memory = <uint8_t*>malloc(room)
    if memory == NULL:
        raise MemoryError
    try:
        with nogil:
            buffer_over(&out, memory, room)
            row = put_page(&out, <const View*>view_address, row, &count)
        return PyBytes_FromStringAndSize(<char*>memory, buffer_size(&out)), count, row
    finally:
        free(memory)
