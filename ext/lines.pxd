"""A family's lines, kept from page to page: a number that changed is written where the old one stood.

Owns the text of one family's series, head included, and what number each line shows. Of a host's
numbers a good part stand still between two scrapes, and those that move hardly ever change their
length: 1.5 ns a line that stays, 6 to 7 ns one that changes, 11 ns one that is made anew. A number
that changes its length moves the lines behind it, the fifth of a page has them made anew instead.
A text that is held (ext/sheet.pxd) stays as it is: what changes goes on in a copy.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove, memset

from digits cimport PUT_AFTER, PUT_BEFORE
from page cimport ENDS, Cell, End, Family, Moment, Scope, figure_of, figure_size, put_figure
from replace cimport beside_t, fits, keep, put_back, replace
from rows cimport UNKNOWN
from sheet cimport sheet_drop, sheet_held, sheet_new

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
    void prefetch "__builtin_prefetch"(const void* at) noexcept nogil

cdef enum:
    LONGEST = 32            # more than the longest number and its line feed
    AHEAD = 12              # cells: what they point at is fetched this long before it is used
    MOST_MOVES = 2          # of the lines behind a number that changed its length

cdef struct Lines:
    char* text              # a sheet; the head ends, and the first line begins, at `begin`
    size_t begin
    size_t length           # of the lines, without the head
    size_t room
    uint64_t* figures       # of each cell: the number that its line shows; UNKNOWN has no line
    uint8_t* sizes          # of each cell: the characters of its number; 0 has no line
    size_t cells
    uint32_t layout         # of the cells that all this was made of
    int format              # of the head
    uint64_t since          # the page from which on all this has stood as it is


cdef inline void lines_free(Lines* lines) noexcept nogil:
    sheet_drop(lines.text)
    free(lines.figures)
    memset(lines, 0, sizeof(Lines))


cdef inline int lines_reserve(Lines* lines, const Family* family, const Scope* scope) noexcept nogil:
    """Room for a line of every cell, with nothing in it; -1 without memory."""
    cdef size_t begin = PUT_BEFORE + max(family.head_n[0], family.head_n[1])
    cdef size_t room = begin + scope.text_bytes + scope.count * (family.name_n + LONGEST) + PUT_AFTER
    if room > lines.room or room * 4 < lines.room or scope.count != lines.cells:
        lines_free(lines)
        room += room // 8
        lines.text = sheet_new(room)
        lines.figures = <uint64_t*>malloc((scope.count + 1) * (sizeof(uint64_t) + 1))
        if lines.text == NULL or lines.figures == NULL:
            lines_free(lines)
            return -1
        lines.room = room
        lines.cells = scope.count
        lines.sizes = <uint8_t*>(lines.figures + scope.count)
    lines.begin = begin
    lines.length = 0
    return lines_own(lines)


cdef inline int lines_own(Lines* lines) noexcept nogil:
    """Have a text that nobody else holds, with the same in it; -1 without memory."""
    cdef char* text
    if sheet_held(lines.text):
        text = sheet_new(lines.room)
        if text == NULL:
            return -1
        memcpy(text, lines.text, lines.begin + lines.length)
        sheet_drop(lines.text)
        lines.text = text
    return 0


cdef inline size_t prefix_size(const Family* family, const Cell* cell) noexcept nogil:
    return family.name_n + cell.text_n


cdef inline void put_labels(char* number, const Cell* cell, const Scope* scope) noexcept nogil:
    """A cell's text, before its number."""
    cdef const End* end = &scope.ends[cell.argument & (ENDS - 1)]
    if end.text_n:
        put_text(number - end.text_n, end.text, end.text_n)
    put_text(number - cell.text_n, cell.text, cell.text_n - end.text_n)


cdef inline void lines_anew(
    Lines* lines, size_t first, char* at, const Family* family, const Scope* scope,
    const char* base, const uint64_t* masks, const Moment* moment
) noexcept nogil:
    """Make the lines from a cell on; ``at`` is where its line begins."""
    cdef const Cell* cell
    cdef char* number
    cdef char* after
    cdef uint64_t figure
    cdef size_t i
    for i in range(first, scope.count):
        cell = &scope.cells[i]
        prefetch(cell[AHEAD].text)
        prefetch(base + cell[AHEAD].place + family.offset)
        figure = figure_of(family, cell, base, masks, moment)
        lines.figures[i] = figure
        lines.sizes[i] = 0
        if figure != UNKNOWN:
            # The number first: it spoils what stands before it.
            number = at + prefix_size(family, cell)
            after = put_figure(number, family.form, figure)
            put_text(at, family.name, family.name_n)
            put_labels(number, cell, scope)
            after[0] = c"\n"
            lines.sizes[i] = <uint8_t>(after - number)
            at = after + 1
    lines.length = at - lines.text - lines.begin


cdef inline void move_rest(Lines* lines, char* end, size_t old, size_t new) noexcept nogil:
    """Move what stands behind a number, which began ``old`` bytes before ``end``."""
    cdef char* last = lines.text + lines.begin + lines.length
    memmove(end - old + new, end, last - end)
    lines.length += new - old


cdef inline int lines_update(
    Lines* lines, const Family* family, const Scope* scope,
    const char* base, const uint64_t* masks, const Moment* moment
) noexcept nogil:
    """Bring lines made of the same cells up to date; whether anything moved, -1 without memory."""
    cdef const Cell* cell
    cdef char* at = lines.text + lines.begin
    cdef char* number
    cdef uint64_t figure
    cdef size_t size
    cdef size_t old
    cdef size_t i
    cdef beside_t beside
    cdef int moves = MOST_MOVES
    cdef bint moved = False
    for i in range(scope.count):
        cell = &scope.cells[i]
        prefetch(base + cell[AHEAD].place + family.offset)
        figure = figure_of(family, cell, base, masks, moment)
        old = lines.sizes[i]
        if figure != lines.figures[i]:
            if not moved:
                size = at - lines.text
                if lines_own(lines) < 0:
                    return -1
                at = lines.text + size
                moved = True
            number = at + prefix_size(family, cell)
            if fits(family.shape, old, figure):
                replace(number, family.shape, old, figure)
            else:
                if old == 0 or figure == UNKNOWN or moves == 0:
                    lines_anew(lines, i, at, family, scope, base, masks, moment)
                    return True
                size = figure_size(family.form, figure)
                if size != old:
                    move_rest(lines, number + old, old, size)
                    lines.sizes[i] = <uint8_t>size
                    old = size
                    moves -= 1
                beside = keep(number, size)
                put_figure(number, family.form, figure)
                put_back(number, size, beside)
            lines.figures[i] = figure
        if old:
            at += prefix_size(family, cell) + old + 1
    return moved


cdef inline int lines_render(
    Lines* lines, uint32_t layout, const Family* family, const Scope* scope, int format,
    const char* base, const uint64_t* masks, const Moment* moment, uint64_t page
) noexcept nogil:
    """The family as it is now; -1 without memory. Without a line, nothing of it is to be shown."""
    cdef int moved = True
    if lines.layout == layout:
        moved = lines_update(lines, family, scope, base, masks, moment)
        if moved < 0 or (lines.format != format and lines_own(lines) < 0):
            return -1
    else:
        if lines_reserve(lines, family, scope) < 0:
            return -1
        lines.layout = layout
        lines_anew(lines, 0, lines.text + lines.begin, family, scope, base, masks, moment)
    if moved or lines.format != format:
        lines.format = format
        lines.since = page
        memcpy(
            lines.text + lines.begin - family.head_n[format], family.head[format],
            family.head_n[format])
    return 0
