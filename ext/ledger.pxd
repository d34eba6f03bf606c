"""The host's account: struct and inline functions, for every extension that feeds or reads it.

Owns the arithmetic: the sums over what each guest claims. Every change takes the
guest's old claim out of the sums and puts its new one in, so that the sums are right by
construction and a change costs the same however many guests there are. Any thread may call,
without the GIL, holding the lock (`ledger_lock`) for one change or for a batch.
Must not know libvirt, and must not decide how long a stop waits to be settled: its caller does.
Sums are unsigned and may wrap on absurd input; taking the claim out unwraps them.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

from claims cimport (
    CLAIM_ACTIVE,
    CLAIM_DEFINED,
    CLAIM_HELD,
    CLAIM_TAKEN,
    Claim,
    Claims,
    Extra,
    Place,
    claim_extra,
    claims_find,
    claims_get,
    claims_remove,
)
from grants cimport PART_DISK, PART_PAGES, Grants, grants_follow
from mutex cimport pthread_mutex_lock, pthread_mutex_t, pthread_mutex_unlock
from sums cimport Sums

cdef struct LedgerState:
    pthread_mutex_t lock
    Sums sums
    Claims claims
    Grants grants
    uint64_t unsized         # guests that run, of a size that nobody has told
    int32_t cells
    int32_t pools
    uint64_t* placed_memory  # (cells + 1) x pools, the first row for any cell
    uint64_t* placed_vcpus   # cells + 1


cdef inline void ledger_lock(LedgerState* s) noexcept nogil:
    pthread_mutex_lock(&s.lock)


cdef inline void ledger_unlock(LedgerState* s) noexcept nogil:
    pthread_mutex_unlock(&s.lock)


cdef inline void claim_count(LedgerState* s, const Claim* c, uint64_t sign) noexcept nogil:
    """Put a claim into the sums (sign 1) or take it out (sign -1, which wraps to the same)."""
    cdef uint64_t vcpus = 0
    cdef uint64_t memory = 0
    cdef uint64_t held = sign if c.flags & CLAIM_HELD else 0
    cdef uint32_t i
    cdef Place* p
    if not c.flags:
        return
    if c.flags & CLAIM_TAKEN:
        vcpus = c.vcpus
        memory = c.memory
        for i in range(c.n_places):
            p = &c.extra.places[i]
            s.placed_memory[(p.cell + 1) * s.pools + p.pool] += sign * p.memory
            s.placed_vcpus[p.cell + 1] += sign * p.vcpus
    s.sums.vcpus_used += sign * vcpus
    s.sums.memory_used += sign * memory
    s.sums.vcpus_held += held * vcpus
    s.sums.memory_held += held * memory
    if c.flags & CLAIM_DEFINED:
        vcpus = max(vcpus, c.defined_vcpus)
        memory = max(memory, c.defined_memory)
        s.sums.defined += sign
    s.sums.vcpus_allocated += sign * vcpus
    s.sums.memory_allocated += sign * memory
    s.sums.held += held
    if c.flags & CLAIM_ACTIVE:
        s.sums.active += sign
        if not (c.vcpus and c.memory):
            s.unsized += sign


cdef inline void claim_open(LedgerState* s, Claim* claim) noexcept nogil:
    """Begin a change of one claim."""
    claim_count(s, claim, <uint64_t>-1)


cdef inline void claim_close(LedgerState* s, Claim* claim) noexcept nogil:
    """End a change; a claim without any flag left is forgotten."""
    s.sums.changes += 1
    claim.touched = s.sums.changes
    claim_count(s, claim, 1)
    grants_follow(&s.grants, &s.sums, claim, 0)
    if not claim.flags:
        s.sums.removals = s.sums.changes
        if claim.extra != NULL:
            s.sums.disk_used -= claim.extra.disk_used
            s.sums.disk_allocated -= claim.extra.disk_capacity
        claims_remove(&s.claims, claim)


cdef inline int ledger_define(
    LedgerState* s, const uint8_t* uuid, uint32_t vcpus, uint64_t memory
) noexcept nogil:
    """A guest has a configuration of this size; again, for a changed one. -1 without memory."""
    cdef Claim* claim = claims_get(&s.claims, uuid)
    if claim == NULL:
        return -1
    claim_open(s, claim)
    claim.flags |= CLAIM_DEFINED
    claim.defined_vcpus = vcpus
    claim.defined_memory = memory
    claim_close(s, claim)
    return 0


cdef inline int ledger_undefine(LedgerState* s, const uint8_t* uuid) noexcept nogil:
    """Its configuration is gone; what runs keeps its room. 1 if that changed anything."""
    cdef Claim* claim = claims_find(&s.claims, uuid)
    if claim == NULL or not claim.flags & CLAIM_DEFINED:
        return 0
    claim_open(s, claim)
    claim.flags &= ~CLAIM_DEFINED
    claim.defined_vcpus = 0
    claim.defined_memory = 0
    claim_close(s, claim)
    return 1


cdef inline int ledger_take(
    LedgerState* s, const uint8_t* uuid, uint32_t vcpus, uint64_t memory
) noexcept nogil:
    """A guest runs, with this size; ends a hold. -1 without memory."""
    cdef Claim* claim = claims_get(&s.claims, uuid)
    if claim == NULL:
        return -1
    claim_open(s, claim)
    claim.flags = (claim.flags & CLAIM_DEFINED) | CLAIM_ACTIVE
    claim.vcpus = vcpus
    claim.memory = memory
    claim_close(s, claim)
    return 0


cdef inline int ledger_hold(LedgerState* s, const uint8_t* uuid) noexcept nogil:
    """A guest stopped, and may be back: 1, and its room stays taken; 0 if it was not running."""
    cdef Claim* claim = claims_find(&s.claims, uuid)
    if claim == NULL or not claim.flags & CLAIM_ACTIVE:
        return 0
    claim_open(s, claim)
    claim.flags = (claim.flags & CLAIM_DEFINED) | CLAIM_HELD
    claim_close(s, claim)
    return 1


cdef inline int ledger_settle(LedgerState* s, const uint8_t* uuid) noexcept nogil:
    """A stop is settled: the room of a held guest is free, 1; of any other guest nothing is, 0."""
    cdef Claim* claim = claims_find(&s.claims, uuid)
    if claim == NULL or not claim.flags & CLAIM_HELD:
        return 0
    claim_open(s, claim)
    claim.flags &= CLAIM_DEFINED
    claim.vcpus = 0
    claim.memory = 0
    claim_close(s, claim)
    return 1


cdef inline int ledger_adjust(
    LedgerState* s, const uint8_t* uuid, uint32_t vcpus, uint64_t memory
) noexcept nogil:
    """A running or held guest changed its size. 1 if that changed anything."""
    cdef Claim* claim = claims_find(&s.claims, uuid)
    if claim == NULL or not claim.flags & CLAIM_TAKEN:
        return 0
    if claim.vcpus == vcpus and claim.memory == memory:
        return 0
    claim_open(s, claim)
    claim.vcpus = vcpus
    claim.memory = memory
    claim_close(s, claim)
    return 1


cdef inline int ledger_disk(
    LedgerState* s, const uint8_t* uuid, uint64_t used, uint64_t capacity
) noexcept nogil:
    """What a guest's images occupy and may grow to.

    1 if that changed anything, 0 if not or the guest has no claim, -1 without memory.
    """
    cdef Claim* claim = claims_find(&s.claims, uuid)
    cdef Extra* extra
    if claim == NULL:
        return 0
    grants_follow(&s.grants, &s.sums, claim, PART_DISK)
    if claim.extra == NULL and not used and not capacity:
        return 0
    extra = claim_extra(claim)
    if extra == NULL:
        return -1
    if extra.disk_used == used and extra.disk_capacity == capacity:
        return 0
    claim_open(s, claim)
    s.sums.disk_used += used - extra.disk_used
    s.sums.disk_allocated += capacity - extra.disk_capacity
    extra.disk_used = used
    extra.disk_capacity = capacity
    claim_close(s, claim)
    return 1


cdef inline int ledger_place(
    LedgerState* s, const uint8_t* uuid, const Place* places, uint16_t n
) noexcept nogil:
    """Bind a guest to cells and pools of pages, all of them known to this ledger.

    1 if that changed anything, 0 if not or the guest has no claim, -1 without memory.
    """
    cdef Claim* claim = claims_find(&s.claims, uuid)
    cdef Place* copy = NULL
    if claim == NULL:
        return 0
    if claim_extra(claim) == NULL:
        return -1
    grants_follow(&s.grants, &s.sums, claim, PART_PAGES)
    if n == claim.n_places and (
        n == 0 or memcmp(claim.extra.places, places, n * sizeof(Place)) == 0
    ):
        return 0
    if n:
        copy = <Place*>malloc(n * sizeof(Place))
        if copy == NULL:
            return -1
        memcpy(copy, places, n * sizeof(Place))
    claim_open(s, claim)
    free(claim.extra.places)
    claim.extra.places = copy
    claim.n_places = n
    claim_close(s, claim)
    return 1
