"""Each guest's last number in every class: what ``previous`` of its next event says.

Owned by whoever has the turn (ext/pipe.pxd). It outlives the guest's row in the table, because a
guest that is undefined and defined anew keeps its uuid; a guest that is gone is forgotten only when
its last events have left the ring too, so that a subscriber which finds the chain broken without cause
cannot be in want of an event that the ring still holds.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from ring cimport KEPT_CLASSES, Ring
from table cimport Table, table_find
from uuidmap cimport NO_ROW, UuidMap, map_drop, map_find, map_free, map_init, map_put

cdef enum:
    FIRST_LINKS = 1024

cdef struct Link:
    uint8_t uuid[16]
    uint64_t last[KEPT_CLASSES]

cdef struct Chain:
    UuidMap map
    Link* links
    uint32_t count
    uint32_t room


cdef inline const uint8_t* link_uuid(void* chain, uint32_t number) noexcept nogil:
    return (<Chain*>chain).links[number].uuid


cdef inline int chain_init(Chain* chain) noexcept nogil:
    """0, or -1 without memory. The chain must not move afterwards."""
    memset(chain, 0, sizeof(Chain))
    return map_init(&chain.map, link_uuid, chain)


cdef inline void chain_free(Chain* chain) noexcept nogil:
    map_free(&chain.map)
    free(chain.links)
    chain.links = NULL


cdef inline int forgettable(const Link* link, const Ring* ring) noexcept nogil:
    """Whether the ring has dropped the guest's last event of every class."""
    cdef int i
    for i in range(KEPT_CLASSES):
        if link.last[i] > ring.dropped[i]:
            return 0
    return 1


cdef inline void chain_prune(Chain* chain, const Ring* ring, const Table* table) noexcept nogil:
    """Forget guests that are gone from the table and from the ring."""
    cdef uint32_t i = 0
    cdef uint32_t last
    while i < chain.count:
        if table_find(table, chain.links[i].uuid) != NO_ROW or (
            not forgettable(&chain.links[i], ring)
        ):
            i += 1
            continue
        map_drop(&chain.map, chain.links[i].uuid)
        last = chain.count - 1
        if i != last:
            map_drop(&chain.map, chain.links[last].uuid)
            chain.links[i] = chain.links[last]
        chain.count = last
        if i != last:
            map_put(&chain.map, chain.links[i].uuid, i)


cdef inline int chain_room(Chain* chain, const Ring* ring, const Table* table) noexcept nogil:
    """Room for one link more; -1 without memory. Pruned only when full: constant time on average."""
    cdef uint32_t room
    cdef Link* grown
    if chain.count < chain.room:
        return 0
    chain_prune(chain, ring, table)
    if chain.room and chain.count < chain.room // 2:
        return 0
    room = chain.room * 2 if chain.room else FIRST_LINKS
    grown = <Link*>realloc(chain.links, room * sizeof(Link))
    if grown == NULL:
        return -1
    chain.links, chain.room = grown, room
    return 0


cdef inline uint64_t chain_advance(
    Chain* chain, const Ring* ring, const Table* table, const uint8_t* uuid, int class_,
    uint64_t sequence,
) noexcept nogil:
    """Note a guest's newest number of the class; returns the one before, 0 for none."""
    cdef uint32_t number = map_find(&chain.map, uuid)
    cdef uint64_t previous
    if number == NO_ROW:
        if chain_room(chain, ring, table) < 0:
            return 0
        number = chain.count
        memset(&chain.links[number], 0, sizeof(Link))
        memcpy(chain.links[number].uuid, uuid, 16)
        if map_put(&chain.map, uuid, number) < 0:
            return 0
        chain.count += 1
    previous = chain.links[number].last[class_]
    chain.links[number].last[class_] = sequence
    return previous
