"""Puts made-up counters into a guest table, for benches and tests alone.

The samplers write columns from C; here one may be written by the name that ext/columns.pxi gives
it. Must not be used by the agent.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc

from clock cimport monotonic_ns
from devices cimport table_set_array, table_set_vcpus
from rows cimport *
from table cimport *

from hostmon._exposition import COLUMNS


cdef uint32_t row_of(Table* table, bytes uuid) except? 0xffffffff:
    cdef uint32_t row
    if len(uuid) != 16:
        raise ValueError(f"uuid of {len(uuid)} bytes: give its 16 raw bytes")
    row = table_find(table, <const uint8_t*><const char*>uuid)
    if row == NO_ROW:
        raise KeyError(uuid)
    return row


def put(table, bytes uuid, str scope, int which, dict values, now_ns=None):
    """Set columns of one element of a guest, and mark their groups as read now."""
    cdef Table* t = <Table*><uintptr_t>table.address
    cdef uint64_t now = monotonic_ns() if now_ns is None else now_ns
    cdef Row* row
    cdef char* at
    cdef uint64_t offset
    cdef uint64_t value
    cdef int width
    cdef int group
    table_lock(t)
    try:
        row = table_row(t, row_of(t, uuid))
        at = <char*>row
        if scope == "vcpu":
            at = <char*>table_array(t, &row.vcpus) + which * sizeof(Vcpu)
        elif scope == "disk":
            at = <char*>table_array(t, &row.disks) + which * sizeof(Disk)
        elif scope == "interface":
            at = <char*>table_array(t, &row.interfaces) + which * sizeof(Interface)
        elif scope == "job":
            at = <char*>table_array(t, &row.jobs)
        for name, number in values.items():
            offset, width, group = COLUMNS[scope][name]
            value = number
            if width == 8:
                (<uint64_t*>(at + offset))[0] = value
            else:
                (<uint32_t*>(at + offset))[0] = <uint32_t>value
            if group < GROUPS:
                row_good(row, group, now)
    finally:
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
