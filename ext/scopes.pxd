"""The scopes of series: which there are, room for their cells, where each element's values lie."""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memset

from lines cimport AHEAD
from page cimport Cell, Scope
from rows cimport Disk, Interface, IOThread, PerfCounter, Row, Vcpu
from view cimport View, view_row

cdef enum:
    SCOPE_GUEST, SCOPE_STATE, SCOPE_GROUP, SCOPE_VCPU, SCOPE_DISK, SCOPE_INTERFACE, SCOPE_JOB,
    SCOPE_GUEST_INFO, SCOPE_OWNER_INFO, SCOPE_DISK_INFO, SCOPE_INTERFACE_INFO,
    SCOPE_IOTHREAD, SCOPE_PERF, SCOPE_COUNT


cdef inline int scope_reserve(Scope* scope) except -1:
    """Room for as many cells as the scope counts, and none in it yet; raises MemoryError."""
    cdef Cell* cells
    cdef size_t room = scope.count + scope.count // 8 + AHEAD
    if scope.count + AHEAD > scope.room or room * 4 < scope.room:
        cells = <Cell*>realloc(scope.cells, room * sizeof(Cell))
        if cells == NULL:
            raise MemoryError
        scope.cells = cells
        scope.room = room
    memset(scope.cells + scope.count, 0, AHEAD * sizeof(Cell))
    scope.count = 0
    return 0


cdef inline uint64_t element(const View* view, uint32_t i, int scope, uint32_t which) noexcept nogil:
    """Where the values of a scope's element lie in the view."""
    cdef const Row* row = view_row(view, i)
    if scope == SCOPE_VCPU:
        return row.vcpus.at + which * sizeof(Vcpu)
    if scope == SCOPE_DISK:
        return row.disks.at + which * sizeof(Disk)
    if scope == SCOPE_INTERFACE:
        return row.interfaces.at + which * sizeof(Interface)
    if scope == SCOPE_JOB:
        return row.jobs.at
    if scope == SCOPE_IOTHREAD:
        return row.iothreads.at + which * sizeof(IOThread)
    if scope == SCOPE_PERF:
        return row.perf.at + which * sizeof(PerfCounter)
    if scope == SCOPE_GROUP:
        return view.row_at[i] + which * sizeof(uint64_t)
    return view.row_at[i]
