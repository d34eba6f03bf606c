"""A view: the guest table as it was at one moment, copied whole; nobody writes it any more.

Owns the copy, and the account's of the same moment where one is wanted. Offsets in it are those of the table's own memory: what a reader has worked out
about a row's place holds in the next view, until the row's `shape`, `definition` or `life` grows.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from arena cimport Block
from clock cimport monotonic_ns
from copied cimport Copied, copied_take
from ledger cimport LedgerState
from rows cimport Row
from table cimport SEQUENCES, Table, table_lock, table_unlock

cdef struct View:
    const char* base         # the arena's copy
    const uint64_t* row_at   # offset of each row; free rows among them: see Row.alive
    uint32_t rows
    uint32_t guests          # rows alive
    uint64_t sequences[SEQUENCES]
    uint64_t taken_ns        # CLOCK_MONOTONIC
    uint64_t size            # bytes at base
    char* memory
    uint64_t room
    Copied account           # its memory is NULL: none was wanted


cdef inline const Row* view_row(const View* view, uint32_t row) noexcept nogil:
    return <const Row*>(view.base + view.row_at[row])


cdef inline const void* view_array(const View* view, const Block* block) noexcept nogil:
    return view.base + block.at


cdef inline int view_reserve(View* view, uint64_t need) noexcept nogil:
    if need <= view.room:
        return 0
    free(view.memory)
    view.room = need + need // 32
    view.memory = <char*>malloc(view.room)
    if view.memory == NULL:
        view.room = 0
        return -1
    # The pages are made here and not under the lock, where the writers would wait for them.
    memset(view.memory, 0, view.room)
    return 0


cdef inline int view_take(View* view, Table* table, LedgerState* ledger) noexcept nogil:
    """Copy the table; -1 without memory. Writers wait for one memcpy of what the table holds.

    ``view.account`` is reserved for ``ledger``, or that is NULL.
    """
    cdef uint64_t need
    cdef uint64_t arena
    while True:
        table_lock(table)
        arena = table.arena.used
        need = arena + table.rows * sizeof(uint64_t)
        if need <= view.room:
            break
        table_unlock(table)
        if view_reserve(view, need) < 0:
            return -1
    if table.arena.memory != NULL:
        memcpy(view.memory, table.arena.memory, arena)
        memcpy(view.memory + arena, table.row_at, table.rows * sizeof(uint64_t))
    memcpy(view.sequences, table.sequences, sizeof(table.sequences))
    view.rows = table.rows
    view.guests = table.guests
    view.taken_ns = monotonic_ns()
    if ledger != NULL:
        # Whoever changes both does it under the table's lock: they are of one sequence.
        copied_take(&view.account, ledger)
    table_unlock(table)
    view.base = view.memory
    view.row_at = <uint64_t*>(view.memory + arena)
    view.size = need
    return 0
