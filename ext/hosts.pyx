"""The scheduler's table of hosts, a column a figure, and the loops over all hosts, without the GIL.

Owns the columns' memory and one selection: which hosts a request may still go to, and how well each
suits it. Knows nothing of what a column means; hostmon/scheduler/table.py fills them.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

cdef enum:
    MOST_COLUMNS = 64
    READY = 0                # hosts that take no guests are in no selection


cdef class HostColumns:
    """Columns of whole numbers, ``rows`` long; the first is named ``ready``."""

    cdef int64_t* columns[MOST_COLUMNS]
    cdef readonly int count
    cdef readonly size_t rows
    cdef dict numbers
    cdef uint8_t* chosen
    cdef double* scores
    cdef readonly size_t left

    def __cinit__(self, size_t rows):
        self.rows = rows
        self.numbers = {}
        self.chosen = <uint8_t*>calloc(rows + 1, 1)
        self.scores = <double*>calloc(rows + 1, sizeof(double))
        if self.chosen == NULL or self.scores == NULL:
            raise MemoryError
        self.number("ready")

    def __dealloc__(self):
        cdef int i
        for i in range(self.count):
            free(self.columns[i])
        free(self.chosen)
        free(self.scores)

    def __contains__(self, str column):
        return column in self.numbers

    cpdef int number(self, str column) except -1:
        """A column's number; one that is new holds zeros."""
        cdef object known = self.numbers.get(column)
        if known is not None:
            return known
        if self.count == MOST_COLUMNS:
            raise ValueError(f"column {column!r}: there are {MOST_COLUMNS} already")
        self.columns[self.count] = <int64_t*>calloc(self.rows + 1, sizeof(int64_t))
        if self.columns[self.count] == NULL:
            raise MemoryError
        self.numbers[column] = self.count
        self.count += 1
        return self.count - 1

    def put(self, size_t row, str column, int64_t value):
        """Set one figure of one host."""
        cdef int number = self.number(column)
        self.check(row)
        self.columns[number][row] = value

    def get(self, size_t row, str column):
        """One figure of one host."""
        self.check(row)
        return self.columns[self.number(column)][row]

    cdef int check(self, size_t row) except -1:
        if row >= self.rows:
            raise IndexError(f"row {row}: there are {self.rows}")
        return 0

    # The selection: begin, narrow, weigh, take the best.

    def begin(self):
        """Every host that is ready, none better than another; how many these are."""
        cdef size_t i
        cdef size_t left = 0
        cdef const int64_t* ready = self.columns[READY]
        with nogil:
            for i in range(self.rows):
                self.chosen[i] = ready[i] != 0
                left += self.chosen[i]
            memset(self.scores, 0, self.rows * sizeof(double))
        self.left = left
        return left

    def at_least(self, str column, int64_t amount):
        """Keep the hosts that have so much of it; none, where nobody has such a column."""
        cdef object number = self.numbers.get(column)
        cdef const int64_t* values
        cdef size_t i
        cdef size_t left = 0
        if number is None:
            memset(self.chosen, 0, self.rows)
            self.left = 0
            return
        values = self.columns[<int>number]
        with nogil:
            for i in range(self.rows):
                self.chosen[i] &= values[i] >= amount
                left += self.chosen[i]
        self.left = left

    def has_bits(self, str column, uint64_t bits):
        """Keep the hosts whose column has all of these bits."""
        cdef const int64_t* values = self.columns[self.number(column)]
        cdef size_t i
        cdef size_t left = 0
        with nogil:
            for i in range(self.rows):
                self.chosen[i] &= (<uint64_t>values[i] & bits) == bits
                left += self.chosen[i]
        self.left = left

    def without(self, rows):
        """Drop these hosts."""
        cdef size_t row
        for row in rows:
            self.check(row)
            self.left -= self.chosen[row]
            self.chosen[row] = 0

    def prefer(self, str column, double multiplier):
        """Score each host by its column, from 0 for the least of the selection to 1 for the most.

        Where all have the same nothing is better than another.
        """
        cdef const int64_t* values = self.columns[self.number(column)]
        cdef int64_t least = 0
        cdef int64_t most = 0
        cdef double scale
        cdef bint first = True
        cdef size_t i
        with nogil:
            for i in range(self.rows):
                if self.chosen[i]:
                    if first:
                        least = most = values[i]
                        first = False
                    least, most = min(least, values[i]), max(most, values[i])
            if most > least:
                scale = multiplier / <double>(most - least)
                for i in range(self.rows):
                    self.scores[i] += scale * <double>(values[i] - least)

    def best(self, size_t first=0):
        """The row of the highest score, of equal ones the next from row ``first``; -1 for none."""
        cdef int64_t best = -1
        cdef size_t i, row
        if not self.left:
            return -1
        with nogil:
            row = first % self.rows
            for i in range(self.rows):
                if self.chosen[row] and (best < 0 or self.scores[row] > self.scores[best]):
                    best = <int64_t>row
                row += 1
                if row == self.rows:
                    row = 0
        return best

    def scored(self):
        """The selection as rows and scores, for people and tests."""
        return {i: self.scores[i] for i in range(self.rows) if self.chosen[i]}
