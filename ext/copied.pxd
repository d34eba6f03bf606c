"""A copy of the account at one moment: the sums, and what is bound to cells and pools.

Reserve the memory first, then copy under whatever locks make the moment: nothing here waits.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from ledger cimport LedgerState, ledger_lock, ledger_unlock
from sums cimport Sums

cdef struct Copied:
    Sums sums
    size_t rows              # the host's cells, and before them the row of what is bound to none
    size_t pools
    uint64_t* memory         # rows x pools, then the vCPUs of each row


cdef inline int copied_reserve(Copied* to, const LedgerState* s) noexcept nogil:
    """Memory for a copy of this ledger; -1 without. `copied_free` gives it back."""
    to.rows, to.pools = s.cells + 1, s.pools
    to.memory = <uint64_t*>malloc(to.rows * (to.pools + 1) * sizeof(uint64_t))
    return -1 if to.memory == NULL else 0


cdef inline void copied_free(Copied* to) noexcept nogil:
    free(to.memory)
    to.memory = NULL


cdef inline void copied_take(Copied* to, LedgerState* s) noexcept nogil:
    """Copy; the memory has been reserved for the same ledger."""
    ledger_lock(s)
    to.sums = s.sums
    memcpy(to.memory, s.placed_memory, to.rows * to.pools * sizeof(uint64_t))
    memcpy(to.memory + to.rows * to.pools, s.placed_vcpus, to.rows * sizeof(uint64_t))
    ledger_unlock(s)


cdef inline tuple copied_rows(const Copied* c):
    """(memory by pool, vCPUs) of each row."""
    return tuple([
        (
            tuple([c.memory[row * c.pools + pool] for pool in range(c.pools)]),
            c.memory[c.rows * c.pools + row],
        )
        for row in range(c.rows)
    ])
