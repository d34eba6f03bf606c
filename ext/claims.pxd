"""Every guest's claim, found by uuid: a table of open addressing, and what a claim is made of.

Owns the memory of claims. Knows nothing of sums; :mod:`ledger` keeps those in step.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

cdef extern from "<stdlib.h>" nogil:
    void* aligned_alloc(size_t, size_t)

cdef extern from "<sys/mman.h>" nogil:
    int madvise(void*, size_t, int)
    int MADV_HUGEPAGE

cdef enum:
    HUGE = 2097152           # bytes of a huge page

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
    uint16_t flags           # 0: a free slot
    uint16_t n_places
    uint32_t vcpus           # while taken
    uint32_t defined_vcpus   # while defined
    uint64_t memory
    uint64_t defined_memory
    uint64_t touched         # number of the change that touched it last
    Extra* extra             # NULL while there is nothing to say

cdef struct Claims:
    Claim* items             # a power of two of them
    size_t slots
    size_t count
    uint64_t seed


cdef inline size_t claims_slot(const Claims* c, const uint8_t* uuid) noexcept nogil:
    """Where a uuid belongs; seeded, since guests' owners may choose their uuids."""
    cdef uint64_t high, low
    memcpy(&high, uuid, 8)
    memcpy(&low, uuid + 8, 8)
    high = (high ^ c.seed) * 0x9E3779B97F4A7C15ULL
    high = ((high ^ (high >> 32)) + low) * 0xD6E8FEB86659FD93ULL
    return <size_t>(high ^ (high >> 32)) & (c.slots - 1)


cdef inline Claim* claims_find(const Claims* c, const uint8_t* uuid) noexcept nogil:
    cdef size_t i = claims_slot(c, uuid)
    while c.items[i].flags:
        if memcmp(c.items[i].uuid, uuid, 16) == 0:
            return &c.items[i]
        i = (i + 1) & (c.slots - 1)
    return NULL


cdef inline Claim* claims_new(size_t slots) noexcept nogil:
    """Free slots. A large table lies in huge pages: its lookups would miss the TLB each time."""
    cdef size_t size = slots * sizeof(Claim)
    cdef size_t page = HUGE if size * 2 >= HUGE else 64
    cdef size_t room = (size + page - 1) & ~(page - 1)
    cdef Claim* claims = <Claim*>aligned_alloc(page, room)
    if claims == NULL:
        return NULL
    if page == HUGE:
        madvise(claims, room, MADV_HUGEPAGE)  # advice: without it all works, slower
    memset(claims, 0, size)
    return claims


cdef inline int claims_grow(Claims* c) noexcept nogil:
    """Double the slots; -1 without memory, and then nothing has changed."""
    cdef Claim* old = c.items
    cdef size_t old_slots = c.slots
    cdef size_t i, at
    cdef Claim* fresh = claims_new(old_slots * 2)
    if fresh == NULL:
        return -1
    c.items = fresh
    c.slots = old_slots * 2
    for i in range(old_slots):
        if old[i].flags:
            at = claims_slot(c, old[i].uuid)
            while fresh[at].flags:
                at = (at + 1) & (c.slots - 1)
            fresh[at] = old[i]
    free(old)
    return 0


cdef inline Claim* claims_get(Claims* c, const uint8_t* uuid) noexcept nogil:
    """The claim of a guest, an empty one if it had none; NULL without memory."""
    cdef Claim* claim = claims_find(c, uuid)
    cdef size_t i
    if claim != NULL:
        return claim
    if c.count * 4 >= c.slots * 3 and claims_grow(c) < 0:
        return NULL
    i = claims_slot(c, uuid)
    while c.items[i].flags:
        i = (i + 1) & (c.slots - 1)
    memcpy(c.items[i].uuid, uuid, 16)
    c.count += 1
    return &c.items[i]


cdef inline Extra* claim_extra(Claim* claim) noexcept nogil:
    """The claim's rarer part, made when first needed; NULL without memory."""
    if claim.extra == NULL:
        claim.extra = <Extra*>calloc(1, sizeof(Extra))
    return claim.extra


cdef inline void claim_free(Claim* claim) noexcept nogil:
    if claim.extra != NULL:
        free(claim.extra.places)
        free(claim.extra)


cdef inline void claims_remove(Claims* c, Claim* claim) noexcept nogil:
    """Free a slot and close the gap, so that no search ends too early."""
    cdef size_t mask = c.slots - 1
    cdef size_t hole = claim - c.items
    cdef size_t i = hole
    claim_free(claim)
    while True:
        i = (i + 1) & mask
        if not c.items[i].flags:
            break
        if ((i - claims_slot(c, c.items[i].uuid)) & mask) >= ((i - hole) & mask):
            c.items[hole] = c.items[i]
            hole = i
    memset(&c.items[hole], 0, sizeof(Claim))
    c.count -= 1
