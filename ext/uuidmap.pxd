"""A map from a 16-byte uuid to a number: open addressing, linear probing, deletion by shifting.

Constant time to find, put and drop, at whatever size; at most half full. It holds numbers only:
the uuid of number n is read from where the caller keeps it, through `uuid_at`.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

cdef enum:
    FIRST_SLOTS = 256

cdef extern from *:
    uint32_t NO_ROW "UINT32_MAX"

ctypedef const uint8_t* (*UuidAt)(void* owner, uint32_t number) noexcept nogil

cdef struct UuidMap:
    uint32_t* slots          # number + 1; 0 is free
    uint64_t room            # a power of two
    uint64_t used
    UuidAt uuid_at
    void* owner


cdef inline uint64_t uuid_hash(const uint8_t* uuid) noexcept nogil:
    """Mixes all 128 bits: guests may choose their uuids, even consecutive ones."""
    cdef uint64_t a
    cdef uint64_t b
    memcpy(&a, uuid, 8)
    memcpy(&b, uuid + 8, 8)
    a = (a ^ (b >> 29) ^ (b << 35)) * <uint64_t>0x9e3779b97f4a7c15
    a = (a ^ (a >> 32) ^ b) * <uint64_t>0xd6e8feb86659fd93
    return a ^ (a >> 32)


cdef inline int map_init(UuidMap* map, UuidAt uuid_at, void* owner) noexcept nogil:
    map.slots = <uint32_t*>calloc(FIRST_SLOTS, sizeof(uint32_t))
    map.room = FIRST_SLOTS
    map.used = 0
    map.uuid_at = uuid_at
    map.owner = owner
    return -1 if map.slots == NULL else 0


cdef inline void map_free(UuidMap* map) noexcept nogil:
    free(map.slots)
    map.slots = NULL


cdef inline uint64_t map_slot(const UuidMap* map, const uint8_t* uuid) noexcept nogil:
    """Where this uuid is, or the free slot where it would go."""
    cdef uint64_t at = uuid_hash(uuid) & (map.room - 1)
    while map.slots[at]:
        if memcmp(map.uuid_at(map.owner, map.slots[at] - 1), uuid, 16) == 0:
            break
        at = (at + 1) & (map.room - 1)
    return at


cdef inline uint32_t map_find(const UuidMap* map, const uint8_t* uuid) noexcept nogil:
    """The number of a uuid, or NO_ROW."""
    return map.slots[map_slot(map, uuid)] - 1


cdef inline int map_grow(UuidMap* map) noexcept nogil:
    cdef uint32_t* old = map.slots
    cdef uint64_t old_room = map.room
    cdef uint64_t i
    cdef uint32_t* slots = <uint32_t*>calloc(old_room * 2, sizeof(uint32_t))
    if slots == NULL:
        return -1
    map.slots = slots
    map.room = old_room * 2
    for i in range(old_room):
        if old[i]:
            slots[map_slot(map, map.uuid_at(map.owner, old[i] - 1))] = old[i]
    free(old)
    return 0


cdef inline int map_put(UuidMap* map, const uint8_t* uuid, uint32_t number) noexcept nogil:
    """Add a uuid that is not in the map; -1 without memory."""
    if map.used * 2 >= map.room and map_grow(map) < 0:
        return -1
    map.slots[map_slot(map, uuid)] = number + 1
    map.used += 1
    return 0


cdef inline void map_drop(UuidMap* map, const uint8_t* uuid) noexcept nogil:
    """Remove a uuid that is in the map; those that probed past it move up."""
    cdef uint64_t mask = map.room - 1
    cdef uint64_t hole = map_slot(map, uuid)
    cdef uint64_t at = hole
    cdef uint64_t home
    map.slots[hole] = 0
    map.used -= 1
    while True:
        at = (at + 1) & mask
        if map.slots[at] == 0:
            return
        home = uuid_hash(map.uuid_at(map.owner, map.slots[at] - 1)) & mask
        if (at - home) & mask >= (at - hole) & mask:
            map.slots[hole] = map.slots[at]
            map.slots[at] = 0
            hole = at
