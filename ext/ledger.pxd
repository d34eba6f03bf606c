"""The host's account: struct and inline functions, for every extension that feeds or reads it.

Owns the arithmetic: what each guest claims, and the sums over all guests. Every change takes the
guest's old claim out of the sums and puts its new one in, so that the sums are right by
construction and a change costs the same however many guests there are. One thread writes, without
the GIL; sums are read by any thread through a sequence lock, single claims by the writer alone.
Must not know libvirt, and must not decide when a stop is settled: its caller does.
Sums are unsigned and may wrap on absurd input; taking the claim out unwraps them.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

cdef extern from "<stdlib.h>" nogil:
    void* aligned_alloc(size_t, size_t)

cdef extern from *:
    """
    /* A sequence lock: odd while the writer is inside. */
    static inline void sums_write_begin(uint64_t *v) {
        __atomic_store_n(v, *v + 1, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    static inline void sums_write_end(uint64_t *v) {
        __atomic_store_n(v, *v + 1, __ATOMIC_RELEASE);
    }
    static inline uint64_t sums_read_begin(const uint64_t *v) {
        return __atomic_load_n(v, __ATOMIC_ACQUIRE);
    }
    static inline int sums_read_again(const uint64_t *v, uint64_t seen) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        return (seen & 1) || __atomic_load_n(v, __ATOMIC_RELAXED) != seen;
    }
    """
    void sums_write_begin(uint64_t*) noexcept nogil
    void sums_write_end(uint64_t*) noexcept nogil
    uint64_t sums_read_begin(const uint64_t*) noexcept nogil
    int sums_read_again(const uint64_t*, uint64_t) noexcept nogil

cdef enum:
    CLAIM_DEFINED = 1        # libvirt keeps a configuration: it may start at any time
    CLAIM_ACTIVE = 2         # it runs, or is paused
    CLAIM_HELD = 4           # it stopped, and the stop is not settled: its room is still taken
    CLAIM_TAKEN = 6          # either of the last two

cdef struct Place:
    # Memory and vCPUs that a guest binds to one cell, or huge pages that it takes from anywhere.
    int32_t cell             # position in the host's list of cells, -1 for any
    int32_t pool             # position in the host's list of page sizes, 0 the base page
    uint64_t memory
    uint64_t vcpus

cdef struct Extra:
    # What few events touch.
    uint64_t disk_used       # what its images occupy
    uint64_t disk_capacity   # what they may grow to
    Place* places            # Claim.n_places of them

cdef struct Claim:
    # One line of the processor's cache, so that an event costs one miss among many guests.
    uint8_t uuid[16]
    uint32_t flags           # 0: a free slot
    uint32_t n_places
    uint32_t vcpus           # while taken
    uint32_t defined_vcpus   # while defined
    uint64_t memory
    uint64_t defined_memory
    uint64_t touched         # number of the change that touched it last
    Extra* extra             # NULL while there is nothing to say

cdef struct Sums:
    uint64_t vcpus_used
    uint64_t vcpus_held
    uint64_t vcpus_allocated
    uint64_t memory_used
    uint64_t memory_held
    uint64_t memory_allocated
    uint64_t disk_used
    uint64_t disk_allocated
    uint64_t defined
    uint64_t active
    uint64_t held
    uint64_t changes         # changes so far; a snapshot's number
    uint64_t removals        # number of the change that last removed a claim

cdef struct LedgerState:
    uint64_t lock
    Sums sums
    Claim* claims            # open addressing, a power of two
    size_t slots
    size_t count
    uint64_t seed
    int32_t cells
    int32_t pools
    uint64_t* placed_memory  # (cells + 1) x pools, the first row for any cell
    uint64_t* placed_vcpus   # cells + 1


cdef inline size_t claim_slot(const LedgerState* s, const uint8_t* uuid) noexcept nogil:
    """Where a uuid belongs; seeded, since guests' owners may choose their uuids."""
    cdef uint64_t high, low
    memcpy(&high, uuid, 8)
    memcpy(&low, uuid + 8, 8)
    high = (high ^ s.seed) * 0x9E3779B97F4A7C15ULL
    high = ((high ^ (high >> 32)) + low) * 0xD6E8FEB86659FD93ULL
    return <size_t>(high ^ (high >> 32)) & (s.slots - 1)


cdef inline Claim* claim_find(const LedgerState* s, const uint8_t* uuid) noexcept nogil:
    cdef size_t i = claim_slot(s, uuid)
    while s.claims[i].flags:
        if memcmp(s.claims[i].uuid, uuid, 16) == 0:
            return &s.claims[i]
        i = (i + 1) & (s.slots - 1)
    return NULL


cdef inline Claim* claims_new(size_t slots) noexcept nogil:
    cdef Claim* claims = <Claim*>aligned_alloc(64, slots * sizeof(Claim))
    if claims != NULL:
        memset(claims, 0, slots * sizeof(Claim))
    return claims


cdef inline int claims_grow(LedgerState* s) noexcept nogil:
    """Double the slots; -1 without memory, and then nothing has changed."""
    cdef Claim* old = s.claims
    cdef size_t old_slots = s.slots
    cdef size_t i, at
    cdef Claim* fresh = claims_new(old_slots * 2)
    if fresh == NULL:
        return -1
    s.claims = fresh
    s.slots = old_slots * 2
    for i in range(old_slots):
        if old[i].flags:
            at = claim_slot(s, old[i].uuid)
            while fresh[at].flags:
                at = (at + 1) & (s.slots - 1)
            fresh[at] = old[i]
    free(old)
    return 0


cdef inline Claim* claim_get(LedgerState* s, const uint8_t* uuid) noexcept nogil:
    """The claim of a guest, an empty one if it had none; NULL without memory."""
    cdef Claim* claim = claim_find(s, uuid)
    cdef size_t i
    if claim != NULL:
        return claim
    if s.count * 4 >= s.slots * 3 and claims_grow(s) < 0:
        return NULL
    i = claim_slot(s, uuid)
    while s.claims[i].flags:
        i = (i + 1) & (s.slots - 1)
    memcpy(s.claims[i].uuid, uuid, 16)
    s.count += 1
    return &s.claims[i]


cdef inline Extra* claim_extra(Claim* claim) noexcept nogil:
    """The claim's rarer part, made when first needed; NULL without memory."""
    if claim.extra == NULL:
        claim.extra = <Extra*>calloc(1, sizeof(Extra))
    return claim.extra


cdef inline void claim_free(Claim* claim) noexcept nogil:
    if claim.extra != NULL:
        free(claim.extra.places)
        free(claim.extra)


cdef inline void claim_remove(LedgerState* s, Claim* claim) noexcept nogil:
    """Free a slot and close the gap, so that no search ends too early."""
    cdef size_t mask = s.slots - 1
    cdef size_t hole = claim - s.claims
    cdef size_t i = hole
    if claim.extra != NULL:
        s.sums.disk_used -= claim.extra.disk_used
        s.sums.disk_allocated -= claim.extra.disk_capacity
    claim_free(claim)
    while True:
        i = (i + 1) & mask
        if not s.claims[i].flags:
            break
        if ((i - claim_slot(s, s.claims[i].uuid)) & mask) >= ((i - hole) & mask):
            s.claims[hole] = s.claims[i]
            hole = i
    memset(&s.claims[hole], 0, sizeof(Claim))
    s.count -= 1


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


cdef inline void claim_open(LedgerState* s, Claim* claim) noexcept nogil:
    """Begin a change of one claim."""
    sums_write_begin(&s.lock)
    claim_count(s, claim, <uint64_t>-1)


cdef inline void claim_close(LedgerState* s, Claim* claim) noexcept nogil:
    """End a change; a claim without any flag left is forgotten."""
    s.sums.changes += 1
    claim.touched = s.sums.changes
    claim_count(s, claim, 1)
    if not claim.flags:
        s.sums.removals = s.sums.changes
        claim_remove(s, claim)
    sums_write_end(&s.lock)


cdef inline int ledger_define(
    LedgerState* s, const uint8_t* uuid, uint32_t vcpus, uint64_t memory
) noexcept nogil:
    """A guest has a configuration of this size; again, for a changed one. -1 without memory."""
    cdef Claim* claim = claim_get(s, uuid)
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
    cdef Claim* claim = claim_find(s, uuid)
    if claim == NULL or not claim.flags & CLAIM_DEFINED:
        return 0
    claim_open(s, claim)
    claim.flags &= ~<uint32_t>CLAIM_DEFINED
    claim_close(s, claim)
    return 1


cdef inline int ledger_take(
    LedgerState* s, const uint8_t* uuid, uint32_t vcpus, uint64_t memory
) noexcept nogil:
    """A guest runs, with this size; ends a hold. -1 without memory."""
    cdef Claim* claim = claim_get(s, uuid)
    if claim == NULL:
        return -1
    claim_open(s, claim)
    claim.flags = (claim.flags & CLAIM_DEFINED) | CLAIM_ACTIVE
    claim.vcpus = vcpus
    claim.memory = memory
    claim_close(s, claim)
    return 0


cdef inline int ledger_hold(LedgerState* s, const uint8_t* uuid) noexcept nogil:
    """A guest stopped; it may be back at once. 1 if that changed anything."""
    cdef Claim* claim = claim_find(s, uuid)
    if claim == NULL or not claim.flags & CLAIM_ACTIVE:
        return 0
    claim_open(s, claim)
    claim.flags = (claim.flags & CLAIM_DEFINED) | CLAIM_HELD
    claim_close(s, claim)
    return 1


cdef inline int ledger_settle(LedgerState* s, const uint8_t* uuid) noexcept nogil:
    """A stop is settled: the room of a held guest is free, 1; of any other guest nothing is, 0."""
    cdef Claim* claim = claim_find(s, uuid)
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
    cdef Claim* claim = claim_find(s, uuid)
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
    cdef Claim* claim = claim_find(s, uuid)
    cdef Extra* extra
    if claim == NULL:
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
    LedgerState* s, const uint8_t* uuid, const Place* places, uint32_t n
) noexcept nogil:
    """Bind a guest to cells and pools of pages, all of them known to this ledger.

    1 if the guest has a claim, 0 if not, -1 without memory.
    """
    cdef Claim* claim = claim_find(s, uuid)
    cdef Place* copy = NULL
    if claim == NULL:
        return 0
    if claim_extra(claim) == NULL:
        return -1
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
