"""The owner of a host's account (ext/ledger.pxd), and its face towards Python.

Every method is one event's worth of work, in constant time. One thread writes; ``sums`` and
``snapshot`` may be called by any other; the rest belongs to the writer.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from claims cimport (
    CLAIM_ACTIVE,
    CLAIM_DEFINED,
    CLAIM_HELD,
    Claim,
    Place,
    claim_free,
    claims_find,
    claims_new,
)
from follow cimport UNSEEN, UNSEEN_VCPUS, Seen, ledger_follow
from holds cimport holds_next
from ledger cimport (
    LedgerState,
    Sums,
    ledger_adjust,
    ledger_define,
    ledger_disk,
    ledger_hold,
    ledger_place,
    ledger_settle,
    ledger_settle_due,
    ledger_take,
    ledger_undefine,
    sums_read_again,
    sums_read_begin,
)

import os

cdef const uint8_t* identity(bytes uuid) except NULL:
    if len(uuid) != 16:
        raise ValueError(f"uuid {uuid!r} has {len(uuid)} bytes: give the 16 of a UUID")
    return <const uint8_t*><const char*>uuid


cdef class Ledger:
    """The claims of all guests and their sums, over ``cells`` NUMA cells and ``pools`` page sizes.

    Pool 0 is the base page. Sizes are bytes and whole vCPUs.
    """

    cdef LedgerState state

    def __cinit__(self, int cells=0, int pools=1):
        if cells < 0 or pools < 1:
            raise ValueError(f"{cells} cells, {pools} page sizes: give 0 or more, 1 or more")
        self.state.claims.slots = 64
        self.state.claims.items = claims_new(self.state.claims.slots)
        self.state.cells = cells
        self.state.pools = pools
        self.state.placed_memory = <uint64_t*>calloc((cells + 1) * pools, sizeof(uint64_t))
        self.state.placed_vcpus = <uint64_t*>calloc(cells + 1, sizeof(uint64_t))
        self.state.claims.seed = int.from_bytes(os.urandom(8), "little")
        if (
            self.state.claims.items == NULL
            or self.state.placed_memory == NULL
            or self.state.placed_vcpus == NULL
        ):
            raise MemoryError

    def __dealloc__(self):
        cdef size_t i
        if self.state.claims.items != NULL:
            for i in range(self.state.claims.slots):
                claim_free(&self.state.claims.items[i])
        free(self.state.claims.items)
        free(self.state.holds.ring)
        free(self.state.placed_memory)
        free(self.state.placed_vcpus)

    @property
    def address(self):
        """Where the LedgerState is, for another extension's C code."""
        return <uintptr_t>&self.state

    def __len__(self):
        return self.state.claims.count

    def __contains__(self, bytes uuid not None):
        return claims_find(&self.state.claims, identity(uuid)) != NULL

    def define(self, bytes uuid not None, uint32_t vcpus, uint64_t memory):
        """A guest has a configuration of this size; again, for a changed one."""
        if ledger_define(&self.state, identity(uuid), vcpus, memory) < 0:
            raise MemoryError

    def undefine(self, bytes uuid not None):
        """Its configuration is gone; what runs keeps its room. False if nothing changed."""
        return ledger_undefine(&self.state, identity(uuid)) == 1

    def take(self, bytes uuid not None, uint32_t vcpus, uint64_t memory):
        """A guest runs, with this size; ends a hold."""
        if ledger_take(&self.state, identity(uuid), vcpus, memory) < 0:
            raise MemoryError

    def hold(self, bytes uuid not None, uint64_t due_ns=0):
        """A guest stopped, and may be back: its room stays taken. False if it was not running.

        ``settle_due`` frees it once ``due_ns`` has come, which must not decrease from hold to hold;
        without one only ``settle`` does.
        """
        cdef int result = ledger_hold(&self.state, identity(uuid), due_ns)
        if result < 0:
            raise MemoryError
        return result == 1

    def settle_due(self, uint64_t now_ns):
        """Settle every stop that is due; how many guests' room that freed."""
        return ledger_settle_due(&self.state, now_ns)

    @property
    def next_due_ns(self):
        """When the next stop falls due, None if none waits."""
        return holds_next(&self.state.holds) or None

    def follow(
        self, bytes uuid not None, *, bint active, bint defined, vcpus=None, memory=None,
        defined_vcpus=None, defined_memory=None, uint64_t due_ns=0,
    ):
        """Make a guest's claim what is known of it now; sizes not known keep their last value.

        A guest that ran and is not active is held until ``due_ns``. False if nothing changed.
        """
        cdef Seen seen
        seen.active = active
        seen.defined = defined
        seen.vcpus = UNSEEN_VCPUS if vcpus is None else vcpus
        seen.memory = UNSEEN if memory is None else memory
        seen.defined_vcpus = UNSEEN_VCPUS if defined_vcpus is None else defined_vcpus
        seen.defined_memory = UNSEEN if defined_memory is None else defined_memory
        cdef int result = ledger_follow(&self.state, identity(uuid), seen, due_ns)
        if result < 0:
            raise MemoryError
        return result == 1

    def settle(self, bytes uuid not None):
        """A stop is settled: the room is free. False, and nothing freed, if it was not held."""
        return ledger_settle(&self.state, identity(uuid)) == 1

    def adjust(self, bytes uuid not None, uint32_t vcpus, uint64_t memory):
        """A running or held guest changed its size. False if nothing changed."""
        return ledger_adjust(&self.state, identity(uuid), vcpus, memory) == 1

    def disk(self, bytes uuid not None, uint64_t used, uint64_t capacity):
        """What a guest's images occupy and may grow to. False if nothing changed."""
        cdef int result = ledger_disk(&self.state, identity(uuid), used, capacity)
        if result < 0:
            raise MemoryError
        return result == 1

    def place(self, bytes uuid not None, places not None):
        """Bind a guest: (cell or -1, pool, memory, vcpus) each. False if it has no claim."""
        cdef uint32_t n = len(places)
        cdef Place* out = <Place*>malloc(max(n, 1) * sizeof(Place))
        cdef int result
        if out == NULL:
            raise MemoryError
        try:
            for i, (cell, pool, memory, vcpus) in enumerate(places):
                if not (-1 <= cell < self.state.cells and 0 <= pool < self.state.pools):
                    raise ValueError(f"cell {cell}, pool {pool}: this host has no such place")
                out[i] = Place(cell, pool, memory, vcpus)
            result = ledger_place(&self.state, identity(uuid), out, n)
        finally:
            free(out)
        if result < 0:
            raise MemoryError
        return result == 1

    def sums(self):
        """One consistent reading of the sums: a dict by the names of ``Sums``; any thread."""
        cdef Sums copy
        cdef uint64_t seen
        with nogil:
            while True:
                seen = sums_read_begin(&self.state.lock)
                copy = self.state.sums
                if not sums_read_again(&self.state.lock, seen):
                    break
        return copy

    def snapshot(self):
        """Sums and bound memory of one moment: ``sums`` and a row a cell, any-cell first; any thread.

        A row is (memory by pool, vCPUs).
        """
        cdef Sums sums
        cdef size_t rows = self.state.cells + 1
        cdef size_t size = rows * self.state.pools
        cdef uint64_t* copy = <uint64_t*>malloc((size + rows) * sizeof(uint64_t))
        cdef uint64_t seen
        if copy == NULL:
            raise MemoryError
        try:
            with nogil:
                while True:
                    seen = sums_read_begin(&self.state.lock)
                    sums = self.state.sums
                    memcpy(copy, self.state.placed_memory, size * sizeof(uint64_t))
                    memcpy(copy + size, self.state.placed_vcpus, rows * sizeof(uint64_t))
                    if not sums_read_again(&self.state.lock, seen):
                        break
            return sums, tuple([
                (
                    tuple([copy[row * self.state.pools + pool] for pool in range(self.state.pools)]),
                    copy[size + row],
                )
                for row in range(rows)
            ])
        finally:
            free(copy)

    def claim(self, bytes uuid not None):
        """One guest's claim as in the stub's ``ClaimFields``, None if it has none; writer only."""
        cdef Claim* claim = claims_find(&self.state.claims, identity(uuid))
        return None if claim == NULL else fields(claim)

    def claims(self):
        """Every guest's uuid and claim, as a list; writer only."""
        return [
            (self.state.claims.items[i].uuid[:16], fields(&self.state.claims.items[i]))
            for i in range(self.state.claims.slots)
            if self.state.claims.items[i].flags
        ]


cdef tuple fields(const Claim* c):
    return (
        bool(c.flags & CLAIM_DEFINED),
        bool(c.flags & CLAIM_ACTIVE),
        bool(c.flags & CLAIM_HELD),
        c.vcpus,
        c.memory,
        c.defined_vcpus,
        c.defined_memory,
        c.extra.disk_used if c.extra != NULL else 0,
        c.extra.disk_capacity if c.extra != NULL else 0,
        c.touched,
    )
