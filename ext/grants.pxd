"""Room granted to schedulers for guests that are to be: a bounded table, found by the claim's id.

Owns the memory of grants, and their part of the sums. A grant holds its room until its guest's own
use stands in the account, in the same change; until it is released; or until it expires. Each part
of it leaves when the ledger knows that part: sizes with the guest's start, huge pages when its
bindings are read, disk when its images were looked at. Every function wants the ledger's lock.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from claims cimport CLAIM_ACTIVE, CLAIM_TAKEN, Claim
from sums cimport Sums
from uuidmap cimport NO_ROW, UuidMap, map_drop, map_find, map_free, map_init, map_put

cdef extern from *:
    """
    #define NEVER UINT64_MAX
    """
    uint64_t NEVER

cdef enum:
    MOST_GRANTS = 1024       # that hold room at once
    MOST_OF_ONE = 256        # of these, of one owner
    REMEMBERED = 4096        # with those that are over, so that a claim may be repeated

    GRANT_NONE = 0
    GRANT_GRANTED = 1
    GRANT_CONFIRMED = 2      # its guest has started
    GRANT_EXPIRED = 3
    GRANT_RELEASED = 4
    GRANT_STATES = 5

    PART_SIZES = 1           # vCPUs and memory
    PART_PAGES = 2
    PART_DISK = 4

cdef struct Grant:
    uint8_t id[16]
    uint8_t guest[16]
    uint8_t named            # whether it is for the guest of that uuid
    uint8_t state
    uint8_t parts            # which of it hold room
    int32_t pool             # of the size of pages behind its memory; 0 base, -1 unknown here
    uint32_t vcpus
    uint64_t memory
    uint64_t disk
    uint64_t expires_ns      # CLOCK_MONOTONIC
    uint64_t owner           # whose it is, by any number; 0: nobody's, of whom there is no limit

cdef struct Grants:
    Grant* items             # REMEMBERED of them, NULL before the first
    uint64_t* pages          # claimed bytes of each pool
    UuidMap ids
    UuidMap guests           # of those that hold room
    uint32_t cursor          # where the next one may lie
    uint64_t next_due        # no grant expires before
    uint64_t counts[GRANT_STATES]
    uint64_t refused
    int told                 # changed, and no event has said so yet


cdef inline const uint8_t* grant_id(void* grants, uint32_t number) noexcept nogil:
    return (<Grants*>grants).items[number].id


cdef inline const uint8_t* grant_guest(void* grants, uint32_t number) noexcept nogil:
    return (<Grants*>grants).items[number].guest


cdef inline int grants_init(Grants* g, int pools) noexcept nogil:
    """0, or -1 without memory. It must not move afterwards."""
    memset(g, 0, sizeof(Grants))
    g.next_due = NEVER
    g.items = <Grant*>calloc(REMEMBERED, sizeof(Grant))
    g.pages = <uint64_t*>calloc(pools, sizeof(uint64_t))
    if g.items == NULL or g.pages == NULL:
        return -1
    return map_init(&g.ids, grant_id, g) or map_init(&g.guests, grant_guest, g)


cdef inline void grants_free(Grants* g) noexcept nogil:
    free(g.items)
    free(g.pages)
    if g.ids.slots != NULL:
        map_free(&g.ids)
    if g.guests.slots != NULL:
        map_free(&g.guests)


cdef inline Grant* grant_of(const Grants* g, const UuidMap* map, const uint8_t* key) noexcept nogil:
    """By its id (`ids`) or its guest (`guests`), NULL for none."""
    cdef uint32_t number = map_find(map, key)
    return &g.items[number] if number != NO_ROW else NULL


cdef inline int owner_has_most(const Grants* g, uint64_t owner) noexcept nogil:
    """Whether an owner's grants hold as much room as one's may."""
    cdef uint32_t i, count = 0
    if owner == 0:
        return 0
    for i in range(REMEMBERED):
        count += g.items[i].owner == owner and g.items[i].parts != 0
    return count >= MOST_OF_ONE


cdef inline void grant_count(Grants* g, Sums* s, const Grant* grant, uint64_t sign) noexcept nogil:
    """Put what a grant holds into the sums (sign 1) or take it out (sign -1)."""
    if grant.parts & PART_SIZES:
        s.vcpus_claimed += sign * grant.vcpus
        s.memory_claimed += sign * grant.memory
    if grant.parts & PART_PAGES:
        g.pages[grant.pool] += sign * grant.memory
    if grant.parts & PART_DISK:
        s.disk_claimed += sign * grant.disk
    if grant.parts:
        s.claims += sign


cdef inline void grant_keep(Grants* g, Sums* s, Grant* grant, int parts) noexcept nogil:
    """Let a grant hold these of its parts only."""
    grant_count(g, s, grant, <uint64_t>-1)
    grant.parts &= <uint8_t>parts
    grant_count(g, s, grant, 1)
    s.changes += 1
    g.told = 1
    if not grant.parts and grant.named:
        map_drop(&g.guests, grant.guest)


cdef inline void grant_end(Grants* g, Sums* s, Grant* grant, int state) noexcept nogil:
    """A grant that was not confirmed is over."""
    grant.state = <uint8_t>state
    g.counts[state] += 1
    grant_keep(g, s, grant, 0)


cdef inline int grant_add(Grants* g, Sums* s, const Grant* wanted) noexcept nogil:
    """Grant it; its id is new, and MOST_GRANTS not reached. -1 without memory."""
    cdef Grant* grant
    while g.items[g.cursor].parts:  # there are more slots than grants that hold room
        g.cursor = (g.cursor + 1) % REMEMBERED
    grant = &g.items[g.cursor]
    if grant.state != GRANT_NONE:
        map_drop(&g.ids, grant.id)
    grant[0] = wanted[0]
    grant.state = GRANT_NONE
    if map_put(&g.ids, grant.id, g.cursor) < 0:
        grant.parts = 0
        return -1
    if grant.named and map_put(&g.guests, grant.guest, g.cursor) < 0:
        map_drop(&g.ids, grant.id)
        grant.parts = 0  # the slot is free: it holds no room, and no sum counts it
        return -1
    g.cursor = (g.cursor + 1) % REMEMBERED
    grant.state = GRANT_GRANTED
    g.counts[GRANT_GRANTED] += 1
    g.next_due = min(g.next_due, grant.expires_ns)
    grant_count(g, s, grant, 1)
    s.changes += 1
    g.told = 1
    return 0


cdef inline void grants_expire(Grants* g, Sums* s, uint64_t now_ns) noexcept nogil:
    """End those whose time is over."""
    cdef uint64_t next = NEVER
    cdef uint32_t i
    cdef Grant* grant
    if now_ns < g.next_due:
        return
    for i in range(REMEMBERED):
        grant = &g.items[i]
        if grant.state == GRANT_GRANTED:
            if grant.expires_ns <= now_ns:
                grant_end(g, s, grant, GRANT_EXPIRED)
            else:
                next = min(next, grant.expires_ns)
    g.next_due = next


cdef inline void grants_follow(Grants* g, Sums* s, const Claim* c, int learnt) noexcept nogil:
    """A guest's own use changed, or ``learnt`` parts of it were told: its grant gives way.

    A guest that runs counts by itself once its sizes are known, both of which every guest has.
    """
    cdef Grant* grant
    cdef int keep
    if g.guests.used == 0:
        return
    grant = grant_of(g, &g.guests, c.uuid)
    if grant == NULL:
        return
    keep = grant.parts
    if grant.state == GRANT_GRANTED and c.flags & CLAIM_ACTIVE and c.vcpus and c.memory:
        grant.state = GRANT_CONFIRMED
        g.counts[GRANT_CONFIRMED] += 1
        keep &= ~PART_SIZES
    if grant.state == GRANT_CONFIRMED:
        keep &= ~learnt
        if c.n_places or not c.flags & CLAIM_TAKEN:
            keep &= ~PART_PAGES
        if not c.flags:
            keep = 0
    if c.extra != NULL and c.extra.disk_capacity:
        keep &= ~PART_DISK
    if keep != grant.parts:
        grant_keep(g, s, grant, keep)
