"""Numbers written over numbers of the same length: nothing beside them is touched.

Owns the shapes of numbers: where the point stands among sixteen digits, and which numbers are how
long. The digits are made in one register, moved to make room for the point, and blended with what
stands there: 3 ns, and no branch on the value. Where there are no such registers no number fits,
and all are written one by one.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from digits cimport SIXTEEN

cdef enum:
    WHOLE, MILLI, NANO, OTHER   # no decimals, three, nine (none for 0); none of these

cdef extern from *:
    """
    #define LENGTHS 32
    typedef struct {
        uint64_t from, count;
    } range_t;
    #define FROM(power) {power, 9 * power}
    #define FIVE_FROM(zeros) \\
        FROM(1##zeros##ULL), FROM(10##zeros##ULL), FROM(100##zeros##ULL), \\
        FROM(1000##zeros##ULL), FROM(10000##zeros##ULL)
    /* The numbers below 10^16 that take so many characters, by shape and length. */
    static const range_t fitting[4][LENGTHS] = {
    #ifdef __SSE2__
        {[1] = {0, 10}, [2] = FIVE_FROM(0), FIVE_FROM(000000), FIVE_FROM(00000000000)},
        {[5] = {0, 10000}, [6] = FIVE_FROM(0000), FIVE_FROM(000000000),
         FROM(100000000000000ULL), FROM(1000000000000000ULL)},
        {[11] = {1, 9999999999ULL}, [12] = FIVE_FROM(0000000000), FROM(1000000000000000ULL)},
    #endif
    };
    static inline int fits(unsigned shape, size_t length, uint64_t v) {
        const range_t *range = &fitting[shape][length];
        return v - range->from < range->count;
    }
    #ifdef __SSE2__
    #define Z4 0, 0, 0, 0
    #define F4 255, 255, 255, 255
    #define F3 255, 255, 255
    /* Which digits stay, which go one to the left, and the point that gets between them. */
    static const unsigned char places[3][3][16] = {
        {{F4, F4, F4, F4}, {0}, {0}},
        {{Z4, Z4, Z4, 0, F3}, {F4, F4, F4}, {Z4, Z4, Z4, '.'}},
        {{Z4, 0, 0, 0, F3, F3, F3}, {F3, F3}, {Z4, 0, 0, '.'}},
    };
    static const unsigned char last_of_16[33] = {Z4, Z4, Z4, Z4, F4, F4, F4, F4};
    static inline __m128i load16(const void *at) {
        return _mm_loadu_si128((const __m128i *)at);
    }
    static inline void replace(char *at, unsigned shape, size_t length, uint64_t v) {
        __m128i text = _mm_add_epi8(ones16(v), _mm_set1_epi8('0'));
        __m128i parted = _mm_or_si128(
            load16(places[shape][2]),
            _mm_or_si128(_mm_and_si128(text, load16(places[shape][0])),
                         _mm_and_si128(_mm_srli_si128(text, 1), load16(places[shape][1]))));
        char *last = at + length - 16;
        if (length > 16) {
            *at = (char)_mm_cvtsi128_si32(text);
            length = 16;
        }
        __m128i mask = load16(last_of_16 + length);
        __m128i made = _mm_or_si128(_mm_and_si128(mask, parted),
                                    _mm_andnot_si128(mask, load16(last)));
        _mm_storeu_si128((__m128i *)last, made);
    }
    #else
    static inline void replace(char *at, unsigned shape, size_t length, uint64_t v) {
        (void)at, (void)shape, (void)length, (void)v;  /* nothing fits */
    }
    #endif
    /* What a number may spoil beside itself, when it is written by another way. */
    typedef struct {
        uint64_t before[2], after;
    } beside_t;
    static inline beside_t keep(const char *at, size_t length) {
        beside_t beside;
        memcpy(beside.before, at - 16, 16);
        memcpy(&beside.after, at + length, 8);
        return beside;
    }
    static inline void put_back(char *at, size_t length, beside_t beside) {
        memcpy(at - 16, beside.before, 16);
        memcpy(at + length, &beside.after, 8);
    }
    """
    ctypedef struct beside_t:
        pass
    bint fits(unsigned shape, size_t length, uint64_t value) noexcept nogil
    void replace(char* at, unsigned shape, size_t length, uint64_t value) noexcept nogil
    beside_t keep(const char* at, size_t length) noexcept nogil
    void put_back(char* at, size_t length, beside_t beside) noexcept nogil
