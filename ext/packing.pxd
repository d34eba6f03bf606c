"""Words that differ little from those before them, in few bytes: how the ring keeps events.

Each word is taken against the word that stood in its place the time before. Of what differs the
bytes that are not zero are kept, behind one that says which those are; a row of words without any
difference takes two bytes. Reading goes the same way through the same words, from the first on.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    int ctz "__builtin_ctzll"(unsigned long long) nogil


cdef inline uint64_t word_at(const void* words, size_t number) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, <const uint8_t*>words + 8 * number, 8)
    return word


cdef inline void put_word(void* words, size_t number, uint64_t word) noexcept nogil:
    memcpy(<uint8_t*>words + 8 * number, &word, 8)


cdef inline uint8_t* pack_words(
    uint8_t* out, const void* words, void* before, size_t count
) noexcept nogil:
    """Write `count` words; ``before`` becomes them. Returns the new end."""
    cdef uint64_t differs
    cdef uint8_t* which
    cdef size_t i = 0
    cdef int bit
    while i < count:
        differs = word_at(words, i) ^ word_at(before, i)
        which = out
        which[0] = 0
        out += 1
        while differs:
            bit = ctz(differs) & ~7
            which[0] |= <uint8_t>(1 << (bit >> 3))
            out[0] = <uint8_t>(differs >> bit)
            out += 1
            differs &= ~(<uint64_t>0xff << bit)
        put_word(before, i, word_at(words, i))
        i += 1
        if which[0] == 0:
            out[0] = 0
            while i < count and out[0] < 255 and word_at(words, i) == word_at(before, i):
                out[0] += 1
                i += 1
            out += 1
    return out


cdef inline const uint8_t* unpack_words(
    const uint8_t* at, void* words, size_t count
) noexcept nogil:
    """Make the words that stood before into those that were written; returns the new end."""
    cdef uint64_t differs
    cdef unsigned which
    cdef size_t i = 0
    while i < count:
        which, differs = at[0], 0
        at += 1
        if which == 0:
            i += 1 + at[0]
            at += 1
            continue
        while which:
            differs |= <uint64_t>at[0] << 8 * ctz(which)
            at += 1
            which &= which - 1
        put_word(words, i, word_at(words, i) ^ differs)
        i += 1
    return at
