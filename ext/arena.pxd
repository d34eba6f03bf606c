"""The arena: one growing piece of memory cut into blocks that are named by their offset.

Owns allocation and reuse of blocks. An offset stays true while its block lives, wherever the
memory moves; a copy of the used part is a copy of every block, with the same offsets. Pointers
hold until the next allocation only. Not locked: whoever shares an arena locks around it.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

cdef enum:
    UNIT = 64                # a cache line; every block begins on one
    CLASSES = 96             # sizes 1 2 3 4 5 6 7 8 10 12 14 16 20 ... units: at most a quarter waste
    FIRST_ROOM = 1 << 16

cdef struct Arena:
    char* memory
    uint64_t used            # bytes handed out since the start, freed blocks included
    uint64_t room
    uint64_t spare[CLASSES]  # first free block of each size, 0 for none; a free block holds the next

cdef struct Block:
    # An array in the arena: `count` things from `at` on; room for `units` UNITs. at 0 is no block.
    uint64_t at
    uint32_t count
    uint32_t units


cdef inline uint32_t class_of(uint64_t units) noexcept nogil:
    """The smallest size class that holds so many units (1 or more)."""
    cdef uint32_t shift = 0
    while (units - 1) >> shift >= 8:
        shift += 1
    return <uint32_t>(shift * 4 + ((units - 1) >> shift))


cdef inline uint64_t class_units(uint32_t which) noexcept nogil:
    """How many units a block of the class has."""
    cdef uint32_t shift = 0 if which < 8 else (which - 4) // 4
    return <uint64_t>(which - shift * 4 + 1) << shift


cdef inline void arena_init(Arena* arena) noexcept nogil:
    memset(arena, 0, sizeof(Arena))
    arena.used = UNIT        # offset 0 stays free to mean "none"


cdef inline void arena_free(Arena* arena) noexcept nogil:
    free(arena.memory)
    arena.memory = NULL


cdef inline int arena_grow(Arena* arena, uint64_t need) noexcept nogil:
    """Room for `need` bytes in all; -1 without memory."""
    cdef uint64_t room
    cdef char* memory
    if need <= arena.room:
        return 0
    room = max(need + need // 4, <uint64_t>FIRST_ROOM)
    memory = <char*>realloc(arena.memory, room)
    if memory == NULL:
        return -1
    arena.memory = memory
    arena.room = room
    return 0


cdef inline uint64_t arena_take(Arena* arena, uint64_t size, uint32_t* units) noexcept nogil:
    """A block of at least `size` bytes, contents undefined; its offset, or 0 without memory."""
    cdef uint32_t which = class_of((size + UNIT - 1) // UNIT if size else 1)
    cdef uint64_t at
    if which >= CLASSES:
        return 0
    units[0] = <uint32_t>class_units(which)
    at = arena.spare[which]
    if at:
        arena.spare[which] = (<uint64_t*>(arena.memory + at))[0]
        return at
    at = arena.used
    if arena_grow(arena, at + <uint64_t>units[0] * UNIT) < 0:
        return 0
    arena.used = at + <uint64_t>units[0] * UNIT
    return at


cdef inline void arena_give(Arena* arena, uint64_t at, uint32_t units) noexcept nogil:
    """Take a block back, for reuse by the next of its size."""
    cdef uint32_t which = class_of(units)
    (<uint64_t*>(arena.memory + at))[0] = arena.spare[which]
    arena.spare[which] = at


cdef inline void block_give(Arena* arena, Block* block) noexcept nogil:
    if block.at:
        arena_give(arena, block.at, block.units)
    block.at = 0
    block.count = block.units = 0


cdef inline int block_take(Arena* arena, Block* block, uint32_t count, size_t size) noexcept nogil:
    """A fresh block for `count` things of `size` bytes, filled with 0xff (unknown); -1: no memory.

    `block` must not lie in the arena: a growing arena moves.
    """
    block.at = 0
    block.count = block.units = 0
    if count == 0:
        return 0
    block.at = arena_take(arena, <uint64_t>count * size, &block.units)
    if block.at == 0:
        return -1
    block.count = count
    memset(arena.memory + block.at, 0xff, <uint64_t>count * size)
    return 0
