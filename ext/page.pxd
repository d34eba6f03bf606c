"""A page of exposition: what is rendered, as plain C, and the loop that renders it without Python.

A scope is a list of cells, one for every series that a family of that scope has: where the value
lies (an offset into one block of memory), which guest it belongs to, and the text that follows
the family's name, `domain="a",vcpu="0"} ` with its closing brace and blank. A family is a name, a
scope, a column's offset from the cell's place, and the form its number takes. One loop therefore
renders guests, vCPUs, disks, interfaces, states and ages alike, family by family, all series of a
family together. Must not know the table's
rows, the catalogue or any label.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from digits cimport PUT_AFTER, begin_narrow, put_i64, put_milli, put_nano, put_u64
from rows cimport UNKNOWN

cdef enum Form:
    FORM_ONE                # always 1: info series
    FORM_UINT
    FORM_INT                # signed
    FORM_NANO               # ns, shown in seconds
    FORM_MILLI              # ns, shown in milliseconds
    FORM_PERCENT_USED       # the share of this column that the next one does not have
    FORM_TICKS              # 10 ms ticks since the host booted, shown as seconds since 1970
    FORM_FLAG               # 1 if it is not 0
    FORM_STATE              # 1 if it equals the cell's argument
    FORM_STATE_CODE         # shown as it is, where it equals the cell's argument
    FORM_AGE                # a time in ns, shown as seconds that passed since

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void* at) noexcept nogil

cdef extern from *:
    """
    /* n bytes and no more, by two overlapping halves where that is enough. */
    static inline void put_text(char *at, const char *text, size_t n) {
        if (n > 64 || n < 16) {
            memcpy(at, text, n);
        } else if (n < 32) {
            memcpy(at, text, 16);
            memcpy(at + n - 16, text + n - 16, 16);
        } else {
            memcpy(at, text, 32);
            memcpy(at + n - 32, text + n - 32, 32);
        }
    }
    """
    void put_text(char* at, const char* text, size_t n) noexcept nogil

cdef enum:
    LONGEST = 32            # more than the longest number and its line feed
    AHEAD = 12              # cells: what they point at is fetched this long before it is used

cdef struct Cell:
    const char* text
    uint32_t text_n
    uint32_t guest          # position of the mask that says what may be shown
    uint32_t place          # offset from the memory that the values lie in
    uint32_t argument       # the state that FORM_STATE compares with; the group of an age

cdef struct Scope:
    Cell* cells
    size_t count
    size_t room
    size_t text_bytes       # sum of text_n

cdef struct Family:
    const char* name        # with the opening brace
    const char* head[2]     # HELP, TYPE and UNIT lines: text 0.0.4, OpenMetrics
    uint64_t need           # bits of the guest's mask that must be set
    uint64_t need_each      # the same, but shifted by the cell's argument
    uint32_t name_n
    uint32_t head_n[2]
    uint32_t offset
    uint8_t scope
    uint8_t width           # bytes of the column: 8 or 4
    uint8_t form

cdef struct Moment:
    # What every page needs besides its values.
    uint64_t now_ns         # CLOCK_MONOTONIC
    uint64_t boot_ticks     # when the host booted, in ticks since 1970

cdef struct Page:
    char* text
    size_t length
    size_t room


cdef inline int page_reserve(Page* page, size_t more) noexcept nogil:
    """Room for so many more bytes, and what a number may spoil; -1 without memory."""
    cdef size_t want = page.length + more + PUT_AFTER
    cdef char* text
    if want <= page.room:
        return 0
    want += want // 4
    text = <char*>realloc(page.text, want)
    if text == NULL:
        return -1
    page.text = text
    page.room = want
    return 0


cdef inline int page_put(Page* page, const char* text, size_t n) noexcept nogil:
    """Append a text; -1 without memory."""
    if page_reserve(page, n) < 0:
        return -1
    memcpy(page.text + page.length, text, n)
    page.length += n
    return 0


cdef inline uint64_t column(const char* at, uint8_t width) noexcept nogil:
    """An unsigned column of 8 or 4 bytes."""
    return (<const uint64_t*>at)[0] if width == 8 else (<const uint32_t*>at)[0]


cdef inline char* put_percent_used(char* at, uint64_t all_, uint64_t left) noexcept nogil:
    """100 * (all - left) / all; NaN where one of them is not known or impossible."""
    if left > all_ or all_ == 0:
        memcpy(at, b"NaN", 3)
        return at + 3
    return put_nano(at, <uint64_t>(1e11 * <double>(all_ - left) / <double>all_))


cdef inline char* put_value(
    char* at, uint64_t value, const char* source, const Family* family, const Cell* cell,
    const Moment* moment
) noexcept nogil:
    """A column's value in the family's form."""
    cdef uint8_t form = family.form
    if form == FORM_UINT or form == FORM_STATE_CODE:
        return put_u64(at, value)
    if form == FORM_NANO:
        return put_nano(at, value)
    if form == FORM_AGE:
        value = moment.now_ns - value if moment.now_ns > value else 0
        return put_milli(at, value // 1000000)
    if form == FORM_TICKS:
        return put_milli(at, (moment.boot_ticks + value) * 10)
    if form == FORM_MILLI:
        return put_u64(at, value // 1000000)
    if form == FORM_PERCENT_USED:
        return put_percent_used(at, value, (<const uint64_t*>source)[1])
    if form == FORM_FLAG:
        value = value != 0
    elif form == FORM_STATE:
        value = value == cell.argument
    elif form == FORM_ONE:
        value = 1
    elif form == FORM_INT:
        return put_i64(at, <int32_t>value if family.width == 4 else <int64_t>value)
    at[0] = <char>(c"0" + value)
    return at + 1


cdef inline int render_family(
    Page* page, const Family* family, const Scope* scope, int format,
    const char* base, const uint64_t* masks, const Moment* moment
) noexcept nogil:
    """One family: its head, then its series; nothing at all without a series. -1 without memory."""
    cdef const Cell* cell = scope.cells
    cdef const Cell* end = cell + scope.count
    cdef size_t line = family.name_n + LONGEST
    cdef uint64_t need
    cdef uint64_t value
    cdef const char* source
    cdef char* at
    cdef char* start
    cdef char* number
    cdef char* after
    if page_reserve(page, family.head_n[format] + scope.text_bytes + scope.count * line) < 0:
        return -1
    at = page.text + page.length
    memcpy(at, family.head[format], family.head_n[format])
    at += family.head_n[format]
    start = at
    while cell < end:
        prefetch(cell[AHEAD].text)
        prefetch(base + cell[AHEAD].place + family.offset)
        need = family.need | family.need_each << cell.argument
        source = base + cell.place + family.offset
        value = column(source, family.width)
        if (masks[cell.guest] & need) == need and value != UNKNOWN:
            # The number first: it spoils what stands before it.
            number = at + family.name_n + cell.text_n
            after = put_value(number, value, source, family, cell, moment)
            put_text(at, family.name, family.name_n)
            put_text(number - cell.text_n, cell.text, cell.text_n)
            after[0] = c"\n"
            at = after + 1
        cell += 1
    if at != start:
        page.length = at - page.text
    return 0
