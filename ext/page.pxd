"""A page of exposition, as plain C: what its lines are, and what number each shows.

A scope is a list of cells, one for every series that a family of that scope has: where the value
lies (an offset into one block of memory), which guest it belongs to, and the text that follows
the family's name, `domain="a",vcpu="0"} ` with its closing brace and blank. Where every guest's texts
end alike, `,state="paused"} `, the scope has these ends, by the cells' argument. A family is a name, a
scope, a column's offset from the cell's place, and the form its number takes. One loop
(ext/lines.pxd) therefore renders guests, vCPUs, disks, interfaces, states and ages alike, family by
family, all series of a family together. Must not know the table's rows, the catalogue or any label.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from digits cimport count_digits, put_i64, put_milli, put_nano, put_u64
from replace cimport MILLI, NANO, OTHER, WHOLE
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

cdef enum:
    ENDS = 32               # more than there are states, or groups of columns

cdef extern from *:
    uint64_t IMPOSSIBLE "(UINT64_MAX - 1)"     # a share of what cannot be

cdef struct Cell:
    const char* text
    uint32_t text_n         # with the end
    uint32_t guest          # position of the mask that says what may be shown
    uint32_t place          # offset from the memory that the values lie in
    uint32_t argument       # the state that FORM_STATE compares with; the group of an age

cdef struct End:
    const char* text
    uint32_t text_n

cdef struct Scope:
    End ends[ENDS]          # of the arguments that cells have; of no text where texts are whole
    Cell* cells
    size_t count
    size_t room
    size_t text_bytes       # sum of text_n

cdef struct Family:
    const char* name        # with the opening brace
    const char* head[2]     # HELP, TYPE and UNIT lines: text 0.0.4, OpenMetrics
    uint64_t need           # bits of the guest's mask that must be set
    uint64_t need_each      # the same, but shifted by the cell's argument
    uint64_t zero           # bits that, where what is needed is not there, make it 0; 0: nothing does
    uint32_t name_n
    uint32_t head_n[2]
    uint32_t offset
    uint8_t scope
    uint8_t width           # bytes of the column: 8, 4 or 1
    uint8_t form
    uint8_t shape           # of ext/replace.pxd

cdef struct Moment:
    # What every page needs besides its values.
    uint64_t now_ns         # CLOCK_MONOTONIC
    uint64_t boot_ticks     # when the host booted, in ticks since 1970


cdef inline uint64_t column(const char* at, uint8_t width) noexcept nogil:
    """An unsigned column of 8, 4 or 1 bytes."""
    if width == 8:
        return (<const uint64_t*>at)[0]
    return (<const uint32_t*>at)[0] if width == 4 else <uint8_t>at[0]


cdef inline uint64_t percent_used(uint64_t all_, uint64_t left) noexcept nogil:
    """100 * (all - left) / all in thousand-millionths; IMPOSSIBLE where one of them is no such thing.

    What is left is none where nobody tells it.
    """
    if left == UNKNOWN:
        left = 0
    if left > all_ or all_ == 0:
        return IMPOSSIBLE
    return <uint64_t>(1e11 * <double>(all_ - left) / <double>all_)


cdef inline uint64_t figure_of(
    const Family* family, const Cell* cell, const char* base, const uint64_t* masks,
    const Moment* moment
) noexcept nogil:
    """What a series shows now, as one number in the family's form; UNKNOWN: nothing."""
    cdef uint64_t need = family.need | family.need_each << cell.argument
    cdef const char* source = base + cell.place + family.offset
    cdef uint64_t value = column(source, family.width)
    cdef uint8_t form = family.form
    if (masks[cell.guest] & need) != need:
        return 0 if family.zero and (masks[cell.guest] & family.zero) == family.zero else UNKNOWN
    if value == UNKNOWN:
        return IMPOSSIBLE if form == FORM_PERCENT_USED else UNKNOWN
    if form in (FORM_UINT, FORM_NANO, FORM_STATE_CODE):
        return value
    if form == FORM_STATE:
        return value == cell.argument
    if form == FORM_AGE:
        return (moment.now_ns - value) // 1000000 if moment.now_ns > value else 0
    if form == FORM_FLAG:
        return value != 0
    if form == FORM_ONE:
        return 1
    if form == FORM_TICKS:
        return (moment.boot_ticks + value) * 10
    if form == FORM_MILLI:
        return value // 1000000
    if form == FORM_PERCENT_USED:
        return percent_used(value, (<const uint64_t*>source)[1])
    return <uint64_t><int64_t><int32_t>value if family.width == 4 else value


cdef inline unsigned figure_size(uint8_t form, uint64_t figure) noexcept nogil:
    """How many characters ``put_figure`` writes."""
    cdef unsigned sign = 0
    if form == FORM_NANO or form == FORM_PERCENT_USED:
        if figure == 0:
            return 1
        if form == FORM_PERCENT_USED and figure == IMPOSSIBLE:
            return 3
        return max(count_digits(figure), 10) + 1
    if form == FORM_AGE or form == FORM_TICKS:
        return max(count_digits(figure), 4) + 1
    if form == FORM_INT and <int64_t>figure < 0:
        figure, sign = 0 - figure, 1
    return count_digits(figure) + sign


cdef inline uint8_t shape_of(uint8_t form) noexcept nogil:
    """The shape that most of a form's numbers have."""
    if form == FORM_NANO:
        return NANO
    if form == FORM_AGE or form == FORM_TICKS:
        return MILLI
    return OTHER if form in (FORM_INT, FORM_PERCENT_USED) else WHOLE


cdef inline char* put_figure(char* at, uint8_t form, uint64_t figure) noexcept nogil:
    """A series' number as text; the new end."""
    if form in (FORM_UINT, FORM_STATE_CODE, FORM_MILLI):
        return put_u64(at, figure)
    if form == FORM_NANO:
        return put_nano(at, figure)
    if form == FORM_AGE or form == FORM_TICKS:
        return put_milli(at, figure)
    if form == FORM_INT:
        return put_i64(at, <int64_t>figure)
    if form != FORM_PERCENT_USED:
        at[0] = <char>(c"0" + figure)
        return at + 1
    if figure != IMPOSSIBLE:
        return put_nano(at, figure)
    memcpy(at, b"NaN", 3)
    return at + 3
