"""Whether there is room for a claim, by the host's account and what was granted before.

One function decides, in the lock of all that changes the account: no two claims get the same room.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from claims cimport CLAIM_ACTIVE, CLAIM_TAKEN, Claim, claims_find
from grants cimport (
    MOST_GRANTS,
    MOST_OF_ONE,
    PART_SIZES,
    REMEMBERED,
    Grant,
    grant_add,
    grant_of,
    owner_has_most,
)
from ledger cimport LedgerState

cdef enum:
    # Why not; hostmon/granting.py names them in this order. ROOM_GRANTED: there is room.
    ROOM_GRANTED = 0
    ROOM_VCPUS = 1
    ROOM_MEMORY = 2
    ROOM_DISK = 3
    ROOM_PAGES = 4
    ROOM_GUEST = 5           # it runs here, or another claim holds room for it
    ROOM_CLAIMS = 6          # there are too many

cdef struct Room:
    # What the host has and what of it may be handed out (hostmon.account.Resource.capacity).
    uint64_t vcpus_total
    uint64_t vcpus_capacity
    uint64_t memory_total
    uint64_t memory_capacity
    uint64_t disk_total
    uint64_t disk_capacity
    uint64_t pages           # bytes of the wanted size of pages


cdef inline int64_t left_of(uint64_t total, uint64_t capacity, uint64_t taken) noexcept nogil:
    """What one guest may have: no more than the host has, whatever the ratio."""
    return min(<int64_t>total, <int64_t>capacity - <int64_t>taken)


cdef inline uint64_t pool_taken(const LedgerState* s, int32_t pool) noexcept nogil:
    """Bytes of a size of pages that guests have or grants hold."""
    cdef uint64_t taken = s.grants.pages[pool]
    cdef int32_t row
    for row in range(s.cells + 1):
        taken += s.placed_memory[row * s.pools + pool]
    return taken


cdef inline uint64_t ledger_unsized(const LedgerState* s) noexcept nogil:
    """Guests that run, of a size that nobody has told and no grant holds room for."""
    cdef uint64_t unsized = s.unsized
    cdef const Claim* claim
    cdef const Grant* grant
    cdef uint32_t i
    if unsized == 0 or s.sums.claims == 0:
        return unsized
    for i in range(REMEMBERED):
        grant = &s.grants.items[i]
        if grant.named and grant.parts & PART_SIZES:
            claim = claims_find(&s.claims, grant.guest)
            if claim != NULL and claim.flags & CLAIM_ACTIVE and not (claim.vcpus and claim.memory):
                unsized -= 1
    return unsized


cdef inline int room_for(
    const LedgerState* s, const Grant* wanted, const Room* room, int64_t* free
) noexcept nogil:
    """ROOM_GRANTED, or what there is too little of, and how much of it is free."""
    cdef const Claim* claim
    free[0] = 0
    if wanted.named:  # first: who claims again for a guest that runs by now has lost nothing
        claim = claims_find(&s.claims, wanted.guest)
        if claim != NULL and claim.flags & CLAIM_TAKEN:
            return ROOM_GUEST
        if grant_of(&s.grants, &s.grants.guests, wanted.guest) != NULL:
            return ROOM_GUEST
    free[0] = left_of(
        room.vcpus_total, room.vcpus_capacity, s.sums.vcpus_used + s.sums.vcpus_claimed)
    if <int64_t>wanted.vcpus > free[0]:
        return ROOM_VCPUS
    free[0] = left_of(
        room.memory_total, room.memory_capacity, s.sums.memory_used + s.sums.memory_claimed)
    if <int64_t>wanted.memory > free[0]:
        return ROOM_MEMORY
    free[0] = left_of(
        room.disk_total, room.disk_capacity, s.sums.disk_allocated + s.sums.disk_claimed)
    if wanted.disk and <int64_t>wanted.disk > free[0]:
        return ROOM_DISK
    if wanted.pool < 0:
        free[0] = 0
        return ROOM_PAGES
    if wanted.pool:
        free[0] = <int64_t>room.pages - <int64_t>pool_taken(s, wanted.pool)
        if <int64_t>wanted.memory > free[0]:
            return ROOM_PAGES
    free[0] = 0
    if s.sums.claims >= MOST_GRANTS:
        return ROOM_CLAIMS
    if s.sums.claims >= MOST_OF_ONE and owner_has_most(&s.grants, wanted.owner):
        return ROOM_CLAIMS
    return ROOM_GRANTED


cdef inline int ledger_grant(
    LedgerState* s, const Grant* wanted, const Room* room, int64_t* free
) noexcept nogil:
    """Grant a claim of a new id, or say why not; -1 without memory."""
    cdef int short_of = room_for(s, wanted, room, free)
    if short_of != ROOM_GRANTED:
        s.grants.refused += 1
        return short_of
    return grant_add(&s.grants, &s.sums, wanted)
