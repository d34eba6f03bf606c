"""Numbers as decimal text: inline functions that write at a pointer and return the new end.

Owns formatting without Python, libc or branches on a value's length. Sixteen digits are made at
once in one register and stored so that the leading zeros fall before the pointer: 3.8 ns whatever
the value, where a branch on the length costs 8.6 on values of mixed length. The price: a number
may spoil PUT_BEFORE bytes before it and seven past its end, so what stands there is written after
it, or kept aside meanwhile. Little-endian machines only: on others the compiler refuses.
"""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    PUT_BEFORE = 16
    PUT_AFTER = 16

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "digits.pxd stores digits from a register: little-endian only"
    #endif
    /* Sixteen digits as characters, and how many of them are leading zeros (15 at most). */
    typedef struct {
        uint64_t first, last;
        unsigned zeros;
    } digits16_t;

    #ifdef __SSE2__
    #include <emmintrin.h>
    /* v < 10^16 as numbers 0 to 9. Each step halves: by 10000 in two lanes, by 100 in four, by 10. */
    static inline __m128i ones16(uint64_t v) {
        __m128i halves = _mm_unpacklo_epi64(
            _mm_cvtsi64_si128((int64_t)(v / 100000000)),
            _mm_cvtsi64_si128((int64_t)(v % 100000000)));
        __m128i top = _mm_srli_epi64(_mm_mul_epu32(halves, _mm_set1_epi64x(3518437209)), 45);
        __m128i rest = _mm_sub_epi32(halves, _mm_mul_epu32(top, _mm_set1_epi64x(10000)));
        __m128i fours = _mm_or_si128(top, _mm_slli_epi64(rest, 32));
        top = _mm_srli_epi16(_mm_mulhi_epu16(fours, _mm_set1_epi16(5243)), 3);
        rest = _mm_sub_epi16(fours, _mm_mullo_epi16(top, _mm_set1_epi16(100)));
        __m128i twos = _mm_or_si128(top, _mm_slli_epi32(rest, 16));
        top = _mm_mulhi_epu16(twos, _mm_set1_epi16(6554));
        rest = _mm_sub_epi16(twos, _mm_mullo_epi16(top, _mm_set1_epi16(10)));
        return _mm_or_si128(top, _mm_slli_epi16(rest, 8));
    }
    static inline digits16_t digits16(uint64_t v) {
        __m128i ones = ones16(v);
        unsigned zero = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(ones, _mm_setzero_si128()));
        __m128i text = _mm_add_epi8(ones, _mm_set1_epi8('0'));
        digits16_t made = {
            (uint64_t)_mm_cvtsi128_si64(text),
            (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(text, text)),
            (unsigned)__builtin_ctz(~zero | 1u << 15)};
        return made;
    }
    #else
    /* The same for eight digits in a plain register. */
    static inline uint64_t digits8(uint64_t v) {
        uint64_t pairs = v / 10000 | (v % 10000) << 32;
        uint64_t top = (pairs * 10486) >> 20 & 0x0000007f0000007fULL;
        uint64_t two = top | (pairs - 100 * top) << 16;
        uint64_t tens = (two * 103) >> 10 & 0x000f000f000f000fULL;
        return tens | (two - 10 * tens) << 8;
    }
    static inline digits16_t digits16(uint64_t v) {
        uint64_t high = digits8(v / 100000000), low = digits8(v % 100000000);
        unsigned zeros = high ? __builtin_ctzll(high) / 8
                              : 8 + __builtin_ctzll(low | 1ULL << 56) / 8;
        digits16_t made = {high + 0x3030303030303030ULL, low + 0x3030303030303030ULL, zeros};
        return made;
    }
    #endif

    /* Clears the wide halves of the vector registers: what others left there slows our narrow code. */
    #if defined(__x86_64__) && defined(__GNUC__)
    __attribute__((target("avx"), noinline)) static void clear_wide_registers(void) {
        __builtin_ia32_vzeroupper();
    }
    static inline void begin_narrow(void) {
        if (__builtin_cpu_supports("avx"))
            clear_wide_registers();
    }
    #else
    static inline void begin_narrow(void) {}
    #endif

    static inline void put_word(char *at, uint64_t word) {
        memcpy(at, &word, 8);
    }
    /* v < 10^16 without leading zeros, one zero for 0. */
    static inline char *put_sixteen(char *at, uint64_t v) {
        digits16_t digits = digits16(v);
        at -= digits.zeros;
        put_word(at, digits.first);
        put_word(at + 8, digits.last);
        return at + 16;
    }
    /* v < 10^16 thousand-millionths: a digit or more, a point, nine decimals. */
    static inline char *put_sixteen_nano(char *at, uint64_t v) {
        digits16_t digits = digits16(v);
        at -= digits.zeros < 6 ? digits.zeros : 6;
        put_word(at, digits.first);
        put_word(at + 7, '.' | digits.first >> 56 << 8);
        put_word(at + 9, digits.last);
        return at + 17;
    }
    /* The last `n` digits of v, 8 at most, with their zeros. */
    static inline char *put_last(char *at, uint64_t v, unsigned n) {
        put_word(at, digits16(v).last >> (64 - 8 * n));
        return at + n;
    }
    static const uint64_t powers_of_ten[20] = {
        0, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL, 10000000ULL, 100000000ULL,
        1000000000ULL, 10000000000ULL, 100000000000ULL, 1000000000000ULL, 10000000000000ULL,
        100000000000000ULL, 1000000000000000ULL, 10000000000000000ULL, 100000000000000000ULL,
        1000000000000000000ULL, 10000000000000000000ULL};
    /* How many digits v has; 1233 / 4096 is a little more than log10(2). */
    static inline unsigned count_digits(uint64_t v) {
        unsigned guess = (unsigned)(64 - __builtin_clzll(v | 1)) * 1233 >> 12;
        return guess + (v >= powers_of_ten[guess]);
    }
    """
    unsigned count_digits(uint64_t value) noexcept nogil
    void begin_narrow() noexcept nogil
    char* put_sixteen(char* at, uint64_t value) noexcept nogil
    char* put_sixteen_nano(char* at, uint64_t value) noexcept nogil
    char* put_last(char* at, uint64_t value, unsigned n) noexcept nogil
    uint64_t SIXTEEN "10000000000000000ULL"


cdef inline char* put_u64(char* at, uint64_t value) noexcept nogil:
    """An unsigned integer, without leading zeros."""
    if value < SIXTEEN:
        return put_sixteen(at, value)
    at = put_sixteen(at, value // SIXTEEN)
    value = value % SIXTEEN
    at = put_last(at, value // 100000000, 8)
    return put_last(at, value % 100000000, 8)


cdef inline char* put_i64(char* at, int64_t value) noexcept nogil:
    """A signed integer."""
    cdef char* end
    if value >= 0:
        return put_u64(at, <uint64_t>value)
    end = put_u64(at + 1, 0 - <uint64_t>value)
    at[0] = c"-"
    return end


cdef inline char* put_nano(char* at, uint64_t value) noexcept nogil:
    """Nanoseconds as seconds: nine decimals, none for 0."""
    cdef char* point
    if value == 0:
        at[0] = c"0"
        return at + 1
    if value < SIXTEEN:
        return put_sixteen_nano(at, value)
    point = put_u64(at, value // 1000000000)
    point[0] = c"."
    put_last(put_last(point + 1, value // 100000000 % 10, 1), value % 100000000, 8)
    return point + 10


cdef inline char* put_milli(char* at, uint64_t value) noexcept nogil:
    """Thousandths as units: three decimals."""
    at = put_u64(at, value // 1000)
    at[0] = c"."
    return put_last(at + 1, value % 1000, 3)
