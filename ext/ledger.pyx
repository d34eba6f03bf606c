"""The owner of a host's account (ext/ledger.pxd), and its face towards Python.

Every method is one event's worth of work, in constant time, under the ledger's lock; any thread may
call. Nobody holds that lock while waiting for anything, the GIL included.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc

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
from copied cimport Copied, copied_free, copied_reserve, copied_rows, copied_take
from follow cimport UNSEEN, UNSEEN_VCPUS, Seen, ledger_follow, ledger_heal
from grants cimport grants_free, grants_init
from ledger cimport (
    LedgerState,
    ledger_adjust,
    ledger_define,
    ledger_disk,
    ledger_hold,
    ledger_lock,
    ledger_place,
    ledger_settle,
    ledger_take,
    ledger_undefine,
    ledger_unlock,
)
from mutex cimport pthread_mutex_destroy, pthread_mutex_init
from sums cimport Sums

import os

# Names for annotations: hostmon/_ledger.pyi says what they hold.
ClaimFields = Placed = Taken = tuple


cdef const uint8_t* identity(bytes uuid) except NULL:
    if len(uuid) != 16:
        raise ValueError(f"uuid {uuid!r} has {len(uuid)} bytes: give the 16 of a UUID")
    return <const uint8_t*><const char*>uuid


cdef bint changed(int result) except -1:
    """What a function of ledger.pxd returned, as Python says it."""
    if result < 0:
        raise MemoryError
    return result != 0


cdef class Ledger:
    """The claims of all guests and their sums, over ``cells`` NUMA cells and ``pools`` page sizes.

    Pool 0 is the base page. Sizes are bytes and whole vCPUs.
    """

    cdef LedgerState state

    def __cinit__(self, int cells=0, int pools=1):
        if cells < 0 or pools < 1:
            raise ValueError(f"{cells} cells, {pools} page sizes: give 0 or more, 1 or more")
        pthread_mutex_init(&self.state.lock, NULL)
        self.state.claims.slots = 64
        self.state.claims.items = claims_new(self.state.claims.slots)
        self.state.claims.seed = int.from_bytes(os.urandom(8), "little")
        self.state.cells = cells
        self.state.pools = pools
        self.state.placed_memory = <uint64_t*>calloc((cells + 1) * pools, sizeof(uint64_t))
        self.state.placed_vcpus = <uint64_t*>calloc(cells + 1, sizeof(uint64_t))
        if (
            self.state.claims.items == NULL
            or self.state.placed_memory == NULL
            or self.state.placed_vcpus == NULL
            or grants_init(&self.state.grants, pools) < 0
        ):
            raise MemoryError

    def __dealloc__(self):
        cdef size_t i
        if self.state.claims.items != NULL:
            for i in range(self.state.claims.slots):
                claim_free(&self.state.claims.items[i])
        free(self.state.claims.items)
        grants_free(&self.state.grants)
        free(self.state.placed_memory)
        free(self.state.placed_vcpus)
        pthread_mutex_destroy(&self.state.lock)

    @property
    def address(self):
        """Where the LedgerState is, for another extension's C code."""
        return <uintptr_t>&self.state

    def __len__(self):
        return self.state.claims.count

    def __contains__(self, bytes uuid not None):
        return self.claim(uuid) is not None

    def define(self, bytes uuid not None, uint32_t vcpus, uint64_t memory):
        """A guest has a configuration of this size; again, for a changed one."""
        cdef const uint8_t* key = identity(uuid)
        ledger_lock(&self.state)
        cdef int result = ledger_define(&self.state, key, vcpus, memory)
        ledger_unlock(&self.state)
        changed(result)

    def undefine(self, bytes uuid not None):
        """Its configuration is gone; what runs keeps its room. False if nothing changed."""
        cdef const uint8_t* key = identity(uuid)
        ledger_lock(&self.state)
        cdef int result = ledger_undefine(&self.state, key)
        ledger_unlock(&self.state)
        return changed(result)

    def take(self, bytes uuid not None, uint32_t vcpus, uint64_t memory):
        """A guest runs, with this size; ends a hold."""
        cdef const uint8_t* key = identity(uuid)
        ledger_lock(&self.state)
        cdef int result = ledger_take(&self.state, key, vcpus, memory)
        ledger_unlock(&self.state)
        changed(result)

    def hold(self, bytes uuid not None):
        """A guest stopped, and may be back: its room stays taken. False if it was not running."""
        cdef const uint8_t* key = identity(uuid)
        ledger_lock(&self.state)
        cdef int result = ledger_hold(&self.state, key)
        ledger_unlock(&self.state)
        return changed(result)

    def settle(self, bytes uuid not None):
        """A stop is settled: the room is free. False, and nothing freed, if it was not held."""
        cdef const uint8_t* key = identity(uuid)
        ledger_lock(&self.state)
        cdef int result = ledger_settle(&self.state, key)
        ledger_unlock(&self.state)
        return changed(result)

    def adjust(self, bytes uuid not None, uint32_t vcpus, uint64_t memory):
        """A running or held guest changed its size. False if nothing changed."""
        cdef const uint8_t* key = identity(uuid)
        ledger_lock(&self.state)
        cdef int result = ledger_adjust(&self.state, key, vcpus, memory)
        ledger_unlock(&self.state)
        return changed(result)

    def follow(
        self, bytes uuid not None, *, bint active, bint defined, vcpus=None, memory=None,
        defined_vcpus=None, defined_memory=None,
    ):
        """Make a guest's claim what is known of it now; sizes not known keep their last value.

        A guest that ran and is not active is held until ``settle``. False if nothing changed.
        """
        cdef const uint8_t* key = identity(uuid)
        cdef Seen seen
        seen.active = active
        seen.defined = defined
        seen.vcpus = UNSEEN_VCPUS if vcpus is None else vcpus
        seen.memory = UNSEEN if memory is None else memory
        seen.defined_vcpus = UNSEEN_VCPUS if defined_vcpus is None else defined_vcpus
        seen.defined_memory = UNSEEN if defined_memory is None else defined_memory
        ledger_lock(&self.state)
        cdef int result = ledger_follow(&self.state, key, seen)
        ledger_unlock(&self.state)
        return changed(result)

    def heal(
        self, bytes uuid not None, uint64_t mark, *, bint active, bint defined, uint32_t vcpus,
        uint64_t memory, uint32_t defined_vcpus, uint64_t defined_memory,
    ):
        """Make a guest's claim what was seen of it at change ``mark``; False if it is newer.

        What does not run is released at once, unless it is held already.
        """
        cdef const uint8_t* key = identity(uuid)
        cdef Seen seen = Seen(active, defined, vcpus, defined_vcpus, memory, defined_memory)
        ledger_lock(&self.state)
        cdef int result = ledger_heal(&self.state, key, seen, mark)
        ledger_unlock(&self.state)
        return changed(result)

    def disk(self, bytes uuid not None, uint64_t used, uint64_t capacity):
        """What a guest's images occupy and may grow to. False if nothing changed."""
        cdef const uint8_t* key = identity(uuid)
        ledger_lock(&self.state)
        cdef int result = ledger_disk(&self.state, key, used, capacity)
        ledger_unlock(&self.state)
        return changed(result)

    def place(self, bytes uuid not None, places not None):
        """Bind a guest: (cell or -1, pool, memory, vcpus) each. False if nothing changed."""
        cdef const uint8_t* key = identity(uuid)
        cdef uint16_t n = len(places)
        cdef Place* out = <Place*>malloc(max(n, 1) * sizeof(Place))
        cdef int result
        if out == NULL:
            raise MemoryError
        try:
            for i, (cell, pool, memory, vcpus) in enumerate(places):
                if not (-1 <= cell < self.state.cells and 0 <= pool < self.state.pools):
                    raise ValueError(f"cell {cell}, pool {pool}: this host has no such place")
                out[i] = Place(cell, pool, memory, vcpus)
            ledger_lock(&self.state)
            result = ledger_place(&self.state, key, out, n)
            ledger_unlock(&self.state)
        finally:
            free(out)
        return changed(result)

    def pool_of(self, uint64_t page_size):
        """The pool of a size of pages, None where there is none; whoever knows sizes says more."""
        return None if page_size else 0

    def sums(self):
        """The sums now: a dict by the names of ``Sums``."""
        ledger_lock(&self.state)
        cdef Sums copy = self.state.sums
        ledger_unlock(&self.state)
        return copy

    def snapshot(self):
        """Sums and bound memory of one moment: ``sums`` and a row a cell, any-cell first.

        A row is (memory by pool, vCPUs).
        """
        cdef Copied copied
        if copied_reserve(&copied, &self.state) < 0:
            raise MemoryError
        try:
            copied_take(&copied, &self.state)
            return copied.sums, copied_rows(&copied)
        finally:
            copied_free(&copied)

    def claim(self, bytes uuid not None):
        """One guest's claim as in the stub's ``ClaimFields``, None if it has none."""
        cdef const uint8_t* key = identity(uuid)
        cdef Listed copied
        ledger_lock(&self.state)
        cdef const Claim* claim = claims_find(&self.state.claims, key)
        if claim != NULL:
            copy_claim(&copied, claim)
        ledger_unlock(&self.state)
        return None if claim == NULL else fields(&copied)

    def claims(self):
        """Every guest's uuid and claim, as a list, all of one moment."""
        cdef size_t i
        cdef size_t n = 0
        ledger_lock(&self.state)
        cdef Listed* copied = <Listed*>malloc((self.state.claims.count + 1) * sizeof(Listed))
        if copied != NULL:
            for i in range(self.state.claims.slots):
                if self.state.claims.items[i].flags:
                    copy_claim(&copied[n], &self.state.claims.items[i])
                    n += 1
        ledger_unlock(&self.state)
        if copied == NULL:
            raise MemoryError
        try:
            return [(copied[i].claim.uuid[:16], fields(&copied[i])) for i in range(n)]
        finally:
            free(copied)


cdef struct Listed:
    # A claim to make Python objects of, which must not be done under the lock.
    Claim claim
    uint64_t disk_used
    uint64_t disk_capacity


cdef void copy_claim(Listed* to, const Claim* claim) noexcept nogil:
    to.claim = claim[0]
    to.disk_used = claim.extra.disk_used if claim.extra != NULL else 0
    to.disk_capacity = claim.extra.disk_capacity if claim.extra != NULL else 0


cdef tuple fields(const Listed* copied):
    cdef const Claim* c = &copied.claim
    return (
        bool(c.flags & CLAIM_DEFINED),
        bool(c.flags & CLAIM_ACTIVE),
        bool(c.flags & CLAIM_HELD),
        c.vcpus,
        c.memory,
        c.defined_vcpus,
        c.defined_memory,
        copied.disk_used,
        copied.disk_capacity,
        c.touched,
    )
