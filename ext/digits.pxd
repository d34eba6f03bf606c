"""Numbers as decimal text: inline functions that write at a pointer and return the new end.

Owns formatting without Python, branches on digits or libc. Every function may write PUT_SLACK
bytes past the end that it returns, never more: the buffer must have that room. Eight digits are
made at once in one register (SIMD within a register) and shifted to drop leading zeros, so the
cost does not depend on the value; little-endian machines only, as Debian's and Ubuntu's are.
"""

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "digits.pxd writes eight digits at once from a register: little-endian only"
    #endif

    /* The eight digits of v < 10^8, the first one in the lowest byte, without '0' added. */
    static inline uint64_t digits8(uint64_t v) {
        uint64_t pairs = v / 10000 | (v % 10000) << 32;
        uint64_t top = (pairs * 10486) >> 20 & 0x0000007f0000007fULL;
        uint64_t two = top | (pairs - 100 * top) << 16;
        uint64_t tens = (two * 103) >> 10 & 0x000f000f000f000fULL;
        return tens | (two - 10 * tens) << 8;
    }
    static inline char *put_word(char *at, uint64_t word) {
        memcpy(at, &word, 8);
        return at + 8;
    }
    /* v < 10^8 without leading zeros, one zero for 0. */
    static inline char *put_short(char *at, uint64_t v) {
        uint64_t word = digits8(v);
        int zeros = __builtin_ctzll(word | 1ULL << 56) & ~7;
        put_word(at, (word + 0x3030303030303030ULL) >> zeros);
        return at + 8 - (zeros >> 3);
    }
    /* v < 10^8 as exactly eight digits. */
    static inline char *put_eight(char *at, uint64_t v) {
        return put_word(at, digits8(v) + 0x3030303030303030ULL);
    }
    """
    char* put_short(char* at, uint64_t value) noexcept nogil
    char* put_eight(char* at, uint64_t value) noexcept nogil

cdef enum:
    PUT_SLACK = 64          # room that every put_ function may use past its end

cdef extern from *:
    """
    /* Copies a text of n bytes; from must be readable to from + n + 64. */
    static inline char *put_text(char *at, const char *from, size_t n) {
        memcpy(at, from, 32);
        if (n > 32) {
            memcpy(at + 32, from + 32, 32);
            if (n > 64)
                memcpy(at + 64, from + 64, n - 64);
        }
        return at + n;
    }
    """
    char* put_text(char* at, const char* text, size_t n) noexcept nogil


cdef inline char* put_u64(char* at, uint64_t value) noexcept nogil:
    """An unsigned integer, without leading zeros."""
    if value < 100000000:
        return put_short(at, value)
    if value < 10000000000000000ULL:
        at = put_short(at, value // 100000000)
        return put_eight(at, value % 100000000)
    at = put_short(at, value // 10000000000000000ULL)
    value = value % 10000000000000000ULL
    at = put_eight(at, value // 100000000)
    return put_eight(at, value % 100000000)


cdef inline char* put_i64(char* at, int64_t value) noexcept nogil:
    """A signed integer."""
    if value < 0:
        at[0] = c"-"
        return put_u64(at + 1, 0 - <uint64_t>value)
    return put_u64(at, <uint64_t>value)


cdef inline char* put_nano(char* at, uint64_t value) noexcept nogil:
    """Nanoseconds as seconds: nine decimals, six if the value is whole microseconds, none for 0."""
    cdef uint64_t rest
    if value == 0:
        at[0] = c"0"
        return at + 1
    rest = value % 1000000000
    at = put_u64(at, value // 1000000000)
    at[0] = c"."
    at[1] = <char>(c"0" + rest // 100000000)
    put_eight(at + 2, rest % 100000000)
    return at + (7 if rest % 1000 == 0 else 10)


cdef inline char* put_milli(char* at, uint64_t value) noexcept nogil:
    """Thousandths as units: three decimals."""
    at = put_u64(at, value // 1000)
    put_short(at, 1000 + value % 1000)
    at[0] = c"."
    return at + 4
