"""Renders the guests' part of a metric page (ext/page.pxd) from a view of the guest table.

Owns the plan, which is the families' names and heads as C text; every guest's label texts, made
once a definition and dropped with the guest; and the families' lines (ext/lines.pxd), kept from page
to page. One thread at a time may call it: the caller holds a lock. The pieces of a page may be read, and
let go, by any thread at any time.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from arena cimport Block
from clock cimport monotonic_ns
from digits cimport begin_narrow
from lifecycle cimport STATE_SHUTOFF
from lines cimport AHEAD, Lines, lines_free, lines_render
from page cimport *
from rows cimport *
from scopes cimport *
from sheet cimport sheet_drop, sheet_hold
from view cimport View, view_array, view_row

cdef enum:
    NO_GROUP = GROUPS        # the column is good whenever its row is
    # Bits of a mask.
    JOBLESS = 28             # the guest has no job
    JOB = 29                 # it has one
    OFF = 30                 # it does not run
    ACTIVE = 31              # it runs
    EVER = 32                # from this bit on: the groups that were read at all, of whatever age
    STATES = 52              # from this bit on: the state that the guest is in
    STATE_COUNT = 8

include "columns.pxi"

SCOPES = (                   # in the order of ext/scopes.pxd
    "guest", "state", "group", "vcpu", "disk", "interface", "job",
    "guest_info", "owner_info", "disk_info", "interface_info", "iothread", "perf",
)
ZEROS = {                    # where a family that needs more is 0
    "": 0,
    "off": <uint64_t>1 << OFF,
    "jobless": <uint64_t>1 << JOBLESS | <uint64_t>1 << ACTIVE | <uint64_t>1 << GROUP_JOB,
}
FORMS = {
    "one": FORM_ONE, "uint": FORM_UINT, "int": FORM_INT, "nano": FORM_NANO, "ticks": FORM_TICKS,
    "milli": FORM_MILLI, "percent_used": FORM_PERCENT_USED, "flag": FORM_FLAG,
    "state": FORM_STATE, "state_code": FORM_STATE_CODE, "age": FORM_AGE,
}

include "labels.pxi"


cdef class Piece:
    """One family of a page, head and lines, as a buffer that stays as it is for as long as it is kept.

    ``mark`` tells its text from every other: pieces of equal marks hold the same bytes. One that is
    kept while the family changes costs the renderer a copy, and the memory of one.
    """

    cdef char* text          # the sheet that it lies on
    cdef const char* at
    cdef Py_ssize_t size
    cdef readonly tuple mark

    def __dealloc__(self):
        sheet_drop(self.text)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, <void*>self.at, self.size, 1, flags)


cdef class Renderer:
    """The plan and what it needs, for one profile.

    ``families``: (name, heads, scope, column, form, running, shutoff, zero), in the page's order;
    ``heads`` for text 0.0.4 and OpenMetrics as bytes; ``running`` leaves out guests that do not
    run, ``shutoff`` all but those that are shut off; ``zero`` says where it is 0 (ZEROS).
    ``build`` makes a guest's label texts: see ``Labels`` and ``identity``.
    """

    cdef bytes text
    cdef Family* families
    cdef readonly Py_ssize_t count
    cdef object build
    cdef list labels         # of each row; None for a free one
    cdef dict ends           # of texts of states and groups, by scope and element
    cdef Scope scopes[SCOPE_COUNT]
    cdef uint64_t* masks
    cdef uint32_t rows
    cdef uint64_t oldest[GROUPS]
    cdef Lines* lines        # of each family
    cdef bint misplaced      # cells point at labels that may be gone: they are to be listed anew
    cdef uint32_t layout     # grows with each listing of the cells
    cdef uint64_t pages
    cdef public uint64_t boot_ticks  # when the host booted, in ticks since 1970

    def __cinit__(self, families, build):
        cdef Py_ssize_t i
        self.count = len(families)
        self.families = <Family*>calloc(max(self.count, 1), sizeof(Family))
        self.lines = <Lines*>calloc(max(self.count, 1), sizeof(Lines))
        if self.families == NULL or self.lines == NULL:
            raise MemoryError
        self.build = build
        self.layout = 1          # 0 is that of lines never made
        self.labels = []
        self.ends = {}
        self.text = b"".join(
            name + b"{" + heads[0] + heads[1] for name, heads, *_ in families)
        cdef const char* at = self.text
        for i, family in enumerate(families):
            at = plan(&self.families[i], at, family)

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(SCOPE_COUNT):
            free(self.scopes[i].cells)
        if self.lines != NULL:
            for i in range(self.count):
                lines_free(&self.lines[i])
        free(self.lines)
        free(self.families)
        free(self.masks)

    @property
    def memory(self):
        """Bytes that guests' labels, cells and numbers shown take; the page itself not counted."""
        cdef Labels labels
        cdef size_t total = self.rows * sizeof(uint64_t)
        cdef Py_ssize_t i
        for i in range(self.count):
            total += self.lines[i].cells * (sizeof(uint64_t) + 1)
        for i in range(SCOPE_COUNT):
            total += self.scopes[i].room * sizeof(Cell)
        for labels in self.labels:
            if labels is not None:
                total += labels.__sizeof__() + labels.texts.__sizeof__()
                for i in range(SCOPE_COUNT):
                    total += labels.counts[i] * sizeof(Span)
        return total

    def keep(self, int group, uint64_t ns):
        """Leave a group's series out once their values are older than this; 0 keeps them."""
        self.oldest[group] = ns

    def refresh(self, snapshot):
        """Make the labels of guests that are new or changed, drop those of the gone; how many."""
        cdef const View* view = <const View*><uintptr_t>snapshot.address
        cdef uint32_t i
        cdef int changed = 0
        if self.rows < view.rows:
            self.grow(view.rows)
        for i in range(view.rows):
            if stale(<Labels>self.labels[i], view_row(view, i)):
                self.misplaced = True
                self.relabel(view, i)
                changed += 1
        if self.misplaced:
            self.place(view)
            self.misplaced = False
        return changed

    def render(self, snapshot, int openmetrics, const uint8_t[::1] wanted not None):
        """The families whose byte in ``wanted`` is not 0, of the view last refreshed with."""
        cdef const View* view = <const View*><uintptr_t>snapshot.address
        cdef Moment moment = Moment(monotonic_ns(), self.boot_ticks)
        cdef Py_ssize_t i
        cdef int failed = 0
        if wanted.shape[0] != self.count or view.rows > self.rows or self.misplaced:
            raise ValueError("give a byte a family, and refresh before rendering")
        self.pages += 1
        with nogil:
            begin_narrow()
            self.mask(view, moment.now_ns)
            for i in range(self.count):
                if wanted[i] and not failed:
                    failed = lines_render(
                        &self.lines[i], self.layout, &self.families[i],
                        &self.scopes[self.families[i].scope], openmetrics != 0, view.base,
                        self.masks, &moment, self.pages)
        if failed:
            raise MemoryError
        return [self.piece(i, openmetrics != 0)
                for i in range(self.count) if wanted[i] and self.lines[i].length]

    cdef Piece piece(self, Py_ssize_t i, int format):
        """A family's text, as rendered last."""
        cdef Piece piece = Piece.__new__(Piece)
        cdef size_t head = self.families[i].head_n[format]
        sheet_hold(self.lines[i].text)
        piece.text = self.lines[i].text
        piece.at = piece.text + self.lines[i].begin - head
        piece.size = head + self.lines[i].length
        piece.mark = (self, i, self.lines[i].since)
        return piece

    cdef int grow(self, uint32_t rows) except -1:
        cdef uint64_t* masks = <uint64_t*>realloc(self.masks, rows * sizeof(uint64_t))
        if masks == NULL:
            raise MemoryError
        self.masks = masks
        self.labels.extend([None] * (rows - self.rows))
        self.rows = rows
        return 0

    cdef int relabel(self, const View* view, uint32_t i) except -1:
        """Give a row its labels, or none if it is free."""
        cdef const Row* row = view_row(view, i)
        cdef Labels labels
        self.labels[i] = None
        if row.alive:
            found = identity(view, row)
            labels = Labels(self.build(*found), self.ends)
            labels.life, labels.definition, labels.shape = row.life, row.definition, row.shape
            self.labels[i] = labels
        return 0

    cdef list shown(self, const View* view):
        """The rows to show, in order: of two guests of one name one that runs, else the first.

        libvirt keeps names unique; a rename that reached us by half does not.
        """
        cdef dict rows = {}
        cdef uint32_t i
        for i in range(view.rows):
            if self.labels[i] is not None:
                name = name_of(view, view_row(view, i))
                other = rows.setdefault(name, i)
                if other != i and view_row(view, i).id >= 0 > view_row(view, other).id:
                    rows[name] = i
        return sorted(rows.values())

    cdef int place(self, const View* view) except -1:
        """List every series anew."""
        cdef Labels labels
        cdef int scope
        self.layout += 1
        cdef list rows = self.shown(view)
        for scope in range(SCOPE_COUNT):
            self.scopes[scope].count = 0
            self.scopes[scope].text_bytes = 0
        for i in rows:
            labels = self.labels[i]
            for scope in range(SCOPE_COUNT):
                self.scopes[scope].count += labels.counts[scope]
        for scope in range(SCOPE_COUNT):
            scope_reserve(&self.scopes[scope])
        for (scope, which), end in self.ends.items():
            self.scopes[scope].ends[<int>which] = End(<bytes>end, <uint32_t>len(end))
        for i in rows:
            labels = self.labels[i]
            list_cells(self.scopes, labels, labels.texts, view, i)
        return 0

    cdef void mask(self, const View* view, uint64_t now_ns) noexcept nogil:
        """What each guest may show: groups that are good, and of one that runs not too old."""
        cdef uint32_t i
        cdef int group
        cdef const Row* row
        cdef uint64_t bits
        for i in range(view.rows):
            row = view_row(view, i)
            bits = row.valid | 1 << NO_GROUP
            for group in range(GROUPS):
                if row.id >= 0 and self.oldest[group] and (
                        now_ns > row.good_ns[group] + self.oldest[group]):
                    bits &= ~(<uint64_t>1 << group)
            bits |= <uint64_t>row.valid << EVER
            bits |= <uint64_t>1 << (ACTIVE if row.id >= 0 else OFF)
            bits |= <uint64_t>1 << (JOB if row.jobs.count else JOBLESS)
            if 0 <= row.state < STATE_COUNT:
                bits |= <uint64_t>1 << (STATES + row.state)
            self.masks[i] = bits


cdef const char* plan(Family* family, const char* at, tuple declared) except NULL:
    """Fill in a family whose texts lie from ``at`` on; the end of them."""
    name, heads, scope, column, form, running, shutoff, zero = declared
    cdef int which
    cdef int group = NO_GROUP
    family.name = at
    family.name_n = <uint32_t>len(name) + 1
    at += family.name_n
    for which in range(2):
        family.head[which] = at
        family.head_n[which] = <uint32_t>len(heads[which])
        at += family.head_n[which]
    family.scope = <uint8_t>SCOPES.index(scope)
    family.form = FORMS[form]
    family.shape = shape_of(family.form)
    family.width = 4
    if column:
        family.offset, family.width, group = COLUMNS[scope][column]
    family.need = <uint64_t>1 << group | <uint64_t>bool(running) << ACTIVE
    family.need |= <uint64_t>bool(shutoff) << (STATES + STATE_SHUTOFF)
    family.need |= <uint64_t>(family.scope == SCOPE_JOB) << JOB
    family.zero = ZEROS[zero]
    if family.form == FORM_AGE:
        family.need_each = <uint64_t>1 << EVER
    elif family.form == FORM_STATE_CODE:
        family.need_each = <uint64_t>1 << STATES
    return at


cdef inline bint stale(Labels labels, const Row* row) noexcept:
    if labels is None:
        return row.alive
    return not row.alive or (
        labels.life != row.life or labels.definition != row.definition
        or labels.shape != row.shape)


cdef bytes name_of(const View* view, const Row* row):
    return (<const char*>view_array(view, &row.name))[:row.name.count]


cdef bytes text_of(const View* view, const Row* row, Text text):
    cdef const char* texts = <const char*>view_array(view, &row.texts)
    return texts[text.at:text.at + text.size]


cdef tuple identity(const View* view, const Row* row):
    """What the table knows of a guest's labels.

    uuid, name, the vCPUs' numbers, (key, target) of disks and of interfaces, whether it has a job,
    the iothreads' numbers, the numbers of its perf events.
    """
    cdef const IOThread* iothreads = <const IOThread*>view_array(view, &row.iothreads)
    cdef const PerfCounter* perf = <const PerfCounter*>view_array(view, &row.perf)
    cdef const Vcpu* vcpus = <const Vcpu*>view_array(view, &row.vcpus)
    cdef const Disk* disks = <const Disk*>view_array(view, &row.disks)
    cdef const Interface* nics = <const Interface*>view_array(view, &row.interfaces)
    cdef uint32_t i
    return (
        <bytes>(<const char*>row.uuid)[:16],
        name_of(view, row),
        [vcpus[i].number for i in range(row.vcpus.count)],
        [(text_of(view, row, disks[i].key), text_of(view, row, disks[i].target))
         for i in range(row.disks.count)],
        [(text_of(view, row, nics[i].key), text_of(view, row, nics[i].target))
         for i in range(row.interfaces.count)],
        row.jobs.count > 0,
        [iothreads[i].id for i in range(row.iothreads.count)],
        [perf[i].event for i in range(row.perf.count)],
    )
