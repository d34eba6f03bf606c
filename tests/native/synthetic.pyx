"""Makes up what no hypervisor gives: counters in a guest table, and floods of events.

The samplers write columns from C; here one may be written by the name that ext/columns.pxi gives
it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from clock cimport monotonic_ns, realtime_ns
from devices cimport table_set_array, table_set_vcpus
from pipe cimport Pipe, pipe_deliver
from record cimport Record
from rows cimport *
from table cimport *

from hostmon._exposition import COLUMNS, SCOPES

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int)


cdef uint32_t row_of(Table* table, bytes uuid) except? 0xffffffff:
    cdef uint32_t row
    if len(uuid) != 16:
        raise ValueError(f"uuid of {len(uuid)} bytes: give its 16 raw bytes")
    row = table_find(table, <const uint8_t*><const char*>uuid)
    if row == NO_ROW:
        raise KeyError(uuid)
    return row


cdef struct Elements:
    char* at
    size_t size
    uint32_t count


cdef enum:
    # The order of hostmon._exposition.SCOPES.
    GUEST = 0
    VCPU = 3
    DISK, INTERFACE, JOB
    IOTHREAD = 11
    PERF


cdef Elements elements(Table* t, Row* row, int scope) noexcept nogil:
    """What has the columns of a scope: the guest itself, or its devices."""
    if scope == VCPU:
        return Elements(<char*>table_array(t, &row.vcpus), sizeof(Vcpu), row.vcpus.count)
    if scope == DISK:
        return Elements(<char*>table_array(t, &row.disks), sizeof(Disk), row.disks.count)
    if scope == INTERFACE:
        return Elements(
            <char*>table_array(t, &row.interfaces), sizeof(Interface), row.interfaces.count)
    if scope == JOB:
        return Elements(<char*>table_array(t, &row.jobs), sizeof(Job), row.jobs.count)
    if scope == IOTHREAD:
        return Elements(
            <char*>table_array(t, &row.iothreads), sizeof(IOThread), row.iothreads.count)
    if scope == PERF:
        return Elements(<char*>table_array(t, &row.perf), sizeof(PerfCounter), row.perf.count)
    return Elements(<char*>row, sizeof(Row), 1)


def put(table, bytes uuid, str scope, int which, dict values, now_ns=None):
    """Set columns of one element of a guest, and mark their groups as read now."""
    cdef Table* t = <Table*><uintptr_t>table.address
    cdef uint64_t now = monotonic_ns() if now_ns is None else now_ns
    cdef Row* row
    cdef Elements found
    cdef char* at
    cdef uint64_t offset
    cdef uint64_t value
    cdef int width
    cdef int group
    table_lock(t)
    try:
        row = table_row(t, row_of(t, uuid))
        found = elements(t, row, SCOPES.index(scope))
        if which >= <int>found.count:
            raise IndexError(f"{scope} {which}: the guest has {found.count}")
        at = found.at + which * found.size
        for name, number in values.items():
            offset, width, group = COLUMNS[scope][name]
            value = number
            if width == 8:
                (<uint64_t*>(at + offset))[0] = value
            elif width == 4:
                (<uint32_t*>(at + offset))[0] = <uint32_t>value
            else:
                (<uint8_t*>(at + offset))[0] = <uint8_t>value
            if group < GROUPS:
                row_good(row, group, now)
    finally:
        table_unlock(t)


cdef inline uint64_t next_random(uint64_t* state) noexcept nogil:
    """Marsaglia's xorshift64."""
    state[0] ^= state[0] << 13
    state[0] ^= state[0] >> 7
    state[0] ^= state[0] << 17
    return state[0]


cdef void move_one(uint64_t* value, uint64_t part, uint64_t* state) noexcept nogil:
    """Let a counter go on by up to a ``part``-th of itself and one; 0: give it any number."""
    if value[0] == UNKNOWN:
        return
    if part:
        value[0] += 1 + next_random(state) % (value[0] // part + 1)
    else:
        value[0] = (next_random(state) >> 19) >> next_random(state) % 45


def move(table, columns, uint64_t part, uint64_t seed):
    """Move columns of every guest, all elements: ``columns`` names them by scope.

    Each goes on by up to a ``part``-th of itself, or is any number of 1 to 45 bits if that is 0.
    """
    cdef Table* t = <Table*><uintptr_t>table.address
    cdef uint64_t state = seed * 2 + 1
    cdef uint64_t offset
    cdef uint32_t row
    cdef uint32_t which
    cdef int kind
    cdef Elements found
    for scope, names in columns.items():
        for name in names:
            offset, width, _ = COLUMNS[scope][name]
            if width != 8:
                raise ValueError(f"{scope} {name}: no counter")
            kind = SCOPES.index(scope)
            table_lock(t)
            for row in range(t.rows):
                found = elements(t, table_row(t, row), kind)
                if not table_row(t, row).alive:
                    continue
                for which in range(found.count):
                    move_one(<uint64_t*>(found.at + which * found.size + offset), part, &state)
            table_unlock(t)


def set_vcpus(table, bytes uuid, uint32_t count):
    """Give a guest vCPUs 0 to count - 1, with threads."""
    cdef Table* t = <Table*><uintptr_t>table.address
    cdef Thread* threads = <Thread*>malloc((count + 1) * sizeof(Thread))
    cdef uint32_t i
    if threads == NULL:
        raise MemoryError
    for i in range(count):
        threads[i].number = threads[i].tid = i
    table_lock(t)
    try:
        if table_set_vcpus(t, row_of(t, uuid), threads, count) < 0:
            raise MemoryError
    finally:
        table_unlock(t)
        free(threads)


def set_iothreads(table, bytes uuid, list ids):
    """A guest's iothreads, of these numbers; nothing else of them is known."""
    cdef IOThread made[64]
    for i, number in enumerate(ids):
        made[i] = IOThread(number, UNKNOWN, UNKNOWN, UNKNOWN)
    set_array(table, uuid, <size_t>&(<Row*>NULL).iothreads, made, len(ids), sizeof(IOThread))


def set_perf(table, bytes uuid, list events):
    """A guest's perf events, by libvirt's numbers; no count is known."""
    cdef PerfCounter made[32]
    for i, event in enumerate(events):
        made[i] = PerfCounter(event, UNKNOWN)
    set_array(table, uuid, <size_t>&(<Row*>NULL).perf, made, len(events), sizeof(PerfCounter))


cdef int set_array(
    table, bytes uuid, size_t where, const void* data, uint32_t count, size_t size
) except -1:
    cdef Table* t = <Table*><uintptr_t>table.address
    table_lock(t)
    try:
        if table_set_array(t, row_of(t, uuid), where, data, count, size) < 0:
            raise MemoryError
    finally:
        table_unlock(t)
    return 0


def set_job(table, bytes uuid, bint running):
    """Begin or end a job of a guest."""
    cdef Table* t = <Table*><uintptr_t>table.address
    cdef Job job
    cdef size_t where = <size_t>&(<Row*>NULL).jobs
    table_lock(t)
    try:
        if table_set_array(t, row_of(t, uuid), where, &job, 1 if running else 0, sizeof(Job)) < 0:
            raise MemoryError
    finally:
        table_unlock(t)


def put_repeatedly(pipe, bytes record not None, size_t count):
    """Put one record ``count`` times, each with the time it is put at, without the GIL.

    Waits for the reader rather than lose a record; returns how many times it had to.
    """
    cdef Pipe* to = <Pipe*><uintptr_t>pipe.address
    cdef uint8_t copy[4096]
    cdef size_t size = PyBytes_GET_SIZE(record)
    cdef size_t i
    cdef uint64_t waits = 0
    cdef Record* header = <Record*>copy
    if size < sizeof(Record) or size > sizeof(copy):
        raise ValueError(f"record of {size} bytes; at most {sizeof(copy)} can be repeated")
    memcpy(copy, PyBytes_AS_STRING(record), size)
    with nogil:
        for i in range(count):
            while to.capacity - to.used < 2 * size:
                waits += 1
                usleep(50)
            header.time_ns = realtime_ns()
            header.monotonic_ns = monotonic_ns()
            pipe_deliver(to, header)
    return waits
