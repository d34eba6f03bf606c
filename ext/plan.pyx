"""The libvirt sampler's plan: which guests to ask next, and which need not be asked.

Owns when each guest was asked for each sort of reading, and which are stuck. A guest whose vCPU
threads have not run since a reading, and which has no job, cannot have changed what was read: after
one more reading (requests under way may still have ended) it is confirmed as of the kernel's last
look and not asked. Knows no libvirt; writes `stuck` marks and the times of confirmed groups into
the table.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from rows cimport *
from table cimport *

cdef enum:
    KINDS = 16

cdef struct Ask:
    uint32_t life
    uint32_t run
    uint32_t definition           # of the row: another one has other devices
    uint32_t stirred              # of the row: an event told of a change
    uint64_t asked_ns[KINDS]      # when last asked; 0: never in this run
    uint64_t ran_ns[KINDS]        # sum of the vCPUs' run time at the last reading
    uint16_t settled              # a bit a kind: read once more since the vCPUs stopped
    uint64_t retry_ns             # a stuck guest is probed at this time; 0: not stuck
    uint64_t wait_ns


cdef class Plan:
    """When to ask each guest of a table; times are CLOCK_MONOTONIC in ns, guests 16-byte uuids."""

    cdef object table_owner
    cdef Table* table
    cdef Ask* asks
    cdef uint32_t count
    cdef readonly uint64_t confirmed   # readings that were not asked for because nothing had run

    def __cinit__(self, table):
        self.table_owner = table
        self.table = <Table*><uintptr_t>table.address

    def __dealloc__(self):
        free(self.asks)

    def due(self, int kind, uint64_t now, uint64_t since, *, uint32_t confirms=0,
            uint64_t without=0):
        """Active guests not asked for this kind (0 to 15) since then, taken as asked now.

        ``confirms`` is a mask of groups: guests that cannot have changed them are read once more,
        then what was read is confirmed instead; 0 asks all the same. ``without`` is a mask too:
        guests that have its groups, or have no interface where the mask is of interfaces, are not
        asked.
        """
        cdef uint32_t row
        if not 0 <= kind < KINDS:
            raise ValueError(f"kind {kind}: give 0 to {KINDS - 1}")
        self.follow()
        found = []
        table_lock(self.table)
        for row in range(self.count):
            if self.is_due(row, kind, since) and not self.spared(
                    row, kind, now, confirms, without):
                self.asks[row].asked_ns[kind] = now
                found.append(<bytes>(<const char*>table_row(self.table, row).uuid)[:16])
        table_unlock(self.table)
        return found

    def ask_again(self, bytes uuid, int kind):
        """This guest is due at once: its reading failed, or an event says that it changed."""
        cdef uint32_t row = self.find(uuid)
        if row < self.count:
            self.asks[row].asked_ns[kind] = 0

    def mark_stuck(self, bytes uuid, uint64_t since, uint64_t now, uint64_t first, uint64_t longest):
        """Its monitor does not answer: ask for nothing, probe again after ``first``, then longer."""
        cdef uint32_t row = self.find(uuid)
        if row >= self.count:
            return
        cdef Ask* a = &self.asks[row]
        a.wait_ns = min(a.wait_ns * 2, longest) if a.wait_ns else first
        a.retry_ns = now + a.wait_ns
        table_lock(self.table)
        if table_row(self.table, row).stuck_since_ns == 0:
            table_row(self.table, row).stuck_since_ns = since
        table_unlock(self.table)

    def probes(self, uint64_t now):
        """Stuck guests whose time to be probed has come."""
        cdef uint32_t row
        self.follow()
        found = []
        table_lock(self.table)
        for row in range(self.count):
            if self.asks[row].retry_ns and self.asks[row].retry_ns <= now:
                found.append(<bytes>(<const char*>table_row(self.table, row).uuid)[:16])
        table_unlock(self.table)
        return found

    def answered(self, bytes uuid):
        """A stuck guest's monitor answers again: everything of it is due."""
        cdef uint32_t row = self.find(uuid)
        if row >= self.count:
            return
        memset(self.asks[row].asked_ns, 0, sizeof(self.asks[row].asked_ns))
        self.asks[row].retry_ns = self.asks[row].wait_ns = 0
        self.asks[row].settled = 0
        table_lock(self.table)
        table_row(self.table, row).stuck_since_ns = 0
        table_unlock(self.table)

    @property
    def stuck(self):
        """How many guests are marked stuck."""
        cdef uint32_t row
        cdef uint32_t found = 0
        for row in range(self.count):
            found += self.asks[row].retry_ns != 0
        return found

    cdef uint32_t find(self, bytes uuid) except? 0xfffffffe:
        if len(uuid) != 16:
            raise ValueError(f"uuid of {len(uuid)} bytes: give its 16 raw bytes")
        self.follow()
        table_lock(self.table)
        cdef uint32_t row = table_find(self.table, <const uint8_t*><const char*>uuid)
        table_unlock(self.table)
        return row

    cdef int follow(self) except -1:
        """Take over births, ends and new runs from the table."""
        cdef uint32_t rows
        cdef uint32_t row
        cdef Row* r
        cdef Ask* grown
        table_lock(self.table)
        rows = self.table.rows
        table_unlock(self.table)
        if rows > self.count:
            grown = <Ask*>realloc(self.asks, rows * sizeof(Ask))
            if grown == NULL:
                raise MemoryError
            memset(grown + self.count, 0, (rows - self.count) * sizeof(Ask))
            self.asks = grown
            self.count = rows
        table_lock(self.table)
        for row in range(self.count):
            r = table_row(self.table, row)
            if r.life != self.asks[row].life or r.run != self.asks[row].run:
                memset(&self.asks[row], 0, sizeof(Ask))
                self.asks[row].life, self.asks[row].run = r.life, r.run
            if r.definition != self.asks[row].definition or r.stirred != self.asks[row].stirred:
                self.asks[row].definition, self.asks[row].stirred = r.definition, r.stirred
                memset(self.asks[row].asked_ns, 0, sizeof(self.asks[row].asked_ns))
        table_unlock(self.table)
        return 0

    cdef bint is_due(self, uint32_t row, int kind, uint64_t since) noexcept nogil:
        cdef const Row* r = table_row(self.table, row)
        return r.alive and r.id >= 0 and self.asks[row].asked_ns[kind] < since

    cdef bint spared(
        self, uint32_t row, int kind, uint64_t now, uint32_t confirms, uint64_t without
    ) noexcept nogil:
        """Whether a guest that is due is not to be asked after all."""
        cdef Row* r = table_row(self.table, row)
        cdef Ask* a = &self.asks[row]
        if a.retry_ns:
            r.skipped += 1
            a.asked_ns[kind] = now
            return True
        if without and (r.valid & without == without or (
                without >> GROUP_INTERFACE & 1 and r.interfaces.count == 0)):
            a.asked_ns[kind] = now
            return True
        return confirms != 0 and self.confirm(r, a, kind, now, confirms)

    cdef bint confirm(self, Row* r, Ask* a, int kind, uint64_t now, uint32_t groups) noexcept nogil:
        """Whether nothing can have changed since the last reading; then that is confirmed."""
        cdef uint64_t ran = run_time(self.table, r)
        cdef uint16_t bit = <uint16_t>(1 << kind)
        cdef int group
        if not r.valid >> GROUP_VCPU & 1 or r.jobs.count or r.good_ns[GROUP_VCPU] < a.asked_ns[kind]:
            return False  # nobody looked since: ask
        if a.asked_ns[kind] == 0 or ran != a.ran_ns[kind]:
            a.ran_ns[kind] = ran
            a.settled &= ~bit
            return False
        if not a.settled & bit:
            a.settled |= bit
            return False
        for group in range(GROUPS):
            if (groups & r.valid) >> group & 1:
                row_good(r, group, r.good_ns[GROUP_VCPU])
        a.asked_ns[kind] = now
        self.confirmed += 1
        return True


cdef uint64_t run_time(const Table* table, const Row* r) noexcept nogil:
    """Of all vCPUs together."""
    cdef const Vcpu* vcpus = <const Vcpu*>table_array(table, &r.vcpus)
    cdef uint64_t sum = 0
    cdef uint32_t i
    for i in range(r.vcpus.count):
        sum += vcpus[i].run_ns
    return sum
