"""The libvirt sampler's plan: which guests to ask next, and which need not be asked.

Owns when each guest was asked for each sort of reading, and which are stuck. A guest whose vCPU
threads have not run since a reading, and which has no job, cannot have changed what was read: it is
confirmed as of the kernel's last look and not asked. Of disks after one more reading: requests under
way may still have ended; and not while their sizes change, which a block job does to a guest that
stands still. Sizes themselves are never confirmed: whoever resizes a disk needs no guest that runs.
Knows no libvirt; writes `stuck` marks and the times of confirmed groups into the table.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from rows cimport *
from still cimport come_since, run_time, sizes_sum
from table cimport *

cdef enum:
    KINDS = 16
    UUID = 16
    DIRTY_MEASURING = 1           # virDomainDirtyRateStatus
    # What comes only where a guest's monitor answered: there or not, it comes with the others.
    MONITOR_GROUPS = (1 << GROUP_BLOCK | 1 << GROUP_BLOCK_SIZE | 1 << GROUP_BALLOON
                      | 1 << GROUP_DIRTY_RATE | 1 << GROUP_IO_THREAD)
    # What a call that returned has told or there is none of, whatever else it brought. Limits are
    # read disk by disk, and the reason why one's did not come is not told: of no disk there are none.
    CERTAIN_GROUPS = 1 << GROUP_PERF
    DISKLESS_GROUPS = CERTAIN_GROUPS | 1 << GROUP_IO_TUNE
    SIZES = 1 << GROUP_BLOCK_SIZE
    MOST_BLANK = 3                # a guest may have nothing that a reading asks its monitor for

cdef uint64_t NEVER = <uint64_t>-1

cdef struct Ask:
    uint32_t life
    uint32_t run
    uint32_t definition           # of the row: another one has other devices
    uint32_t stirred              # of the row: an event told of a change
    uint64_t asked_ns[KINDS]      # when last asked; 0: never in this run
    uint64_t ran_ns[KINDS]        # sum of the vCPUs' run time at the last reading
    uint64_t sizes                # of the disks, before the last reading of them
    uint16_t settled              # a bit a kind: read once more since the vCPUs stopped
    uint16_t confirmed            # a bit a kind: not asked when it was last due, but confirmed
    uint32_t lacked               # a bit a group: known, and the last reading told of none
    uint8_t blank[KINDS]          # readings that brought nothing of the monitor's, up to MOST_BLANK
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
        then what was read is confirmed instead; 0 asks all the same. Sizes of disks alone are asked
        for where no other reading brought them since. ``without`` is a mask too: guests that have
        its groups, or have no interface where the mask is of interfaces, are not asked.
        """
        cdef uint32_t row
        if not 0 <= kind < KINDS:
            raise ValueError(f"kind {kind}: give 0 to {KINDS - 1}")
        self.follow()
        cdef uint8_t* found = room_for(self.count)
        cdef uint32_t count = 0
        table_lock(self.table)
        for row in range(self.count):
            if self.is_due(row, kind, since) and not self.spared(
                    row, kind, now, since, confirms, without):
                self.asks[row].asked_ns[kind] = now
                memcpy(found + count * UUID, table_row(self.table, row).uuid, UUID)
                count += 1
        table_unlock(self.table)
        return taken(found, count)

    def changed(self):
        """Whether a guest began, ended, started or changed since :meth:`due` was asked last."""
        cdef uint32_t row
        cdef bint found
        table_lock(self.table)
        found = self.table.rows > self.count
        for row in range(self.count):
            found |= not self.knows(table_row(self.table, row), &self.asks[row])
        table_unlock(self.table)
        return found

    def woke(self, int kind, list uuids):
        """To read this of these guests woke their vCPUs, and the kernel was looked at since.

        What they had run until then is no sign that the guest ran, or it would never stand still for
        this reading. Other readings are made again: what they read may be older than a true run.
        """
        cdef uint32_t row
        self.follow()
        for uuid in uuids:
            row = self.row_of(uuid)
            if row < self.count and self.asks[row].ran_ns[kind] != NEVER:
                table_lock(self.table)
                self.asks[row].ran_ns[kind] = run_time(self.table, table_row(self.table, row))
                table_unlock(self.table)

    def unread(self, int kind, list uuids, uint32_t groups):
        """Of these guests, just asked, those of which something did not come that may be there.

        libvirt leaves out what only the monitor tells where somebody else waits for that. They are
        not confirmed, but asked again when they are due. What twice did not come with what tells
        that the monitor answered is there no more, and not known from then on.
        """
        cdef uint32_t row
        cdef bint whole
        found = []
        self.follow()
        for uuid in uuids:
            row = self.row_of(uuid)
            if row >= self.count:
                continue
            table_lock(self.table)
            whole = self.came_whole(table_row(self.table, row), &self.asks[row], kind, groups)
            table_unlock(self.table)
            if not whole:
                found.append(uuid)
        return found

    def confirm(self, int kind, uint32_t groups):
        """Confirm what guests that stand still were read of, as of the kernel's last look.

        As :meth:`due` does when they fall due; a page between would show them as old as that.
        """
        cdef uint32_t row
        cdef Row* r
        table_lock(self.table)
        for row in range(self.count):
            r = table_row(self.table, row)
            if (r.alive and r.id >= 0 and self.knows(r, &self.asks[row])
                    and self.stands_still(r, &self.asks[row], kind)):
                self.good(r, groups)
        table_unlock(self.table)

    def ask_again(self, int kind, list uuids):
        """These guests are due at once: their reading failed."""
        cdef uint32_t row
        self.follow()
        for uuid in uuids:
            row = self.row_of(uuid)
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
        cdef uint32_t count = 0
        self.follow()
        cdef uint8_t* found = room_for(self.count)
        table_lock(self.table)
        for row in range(self.count):
            if self.asks[row].retry_ns and self.asks[row].retry_ns <= now:
                memcpy(found + count * UUID, table_row(self.table, row).uuid, UUID)
                count += 1
        table_unlock(self.table)
        return taken(found, count)

    def answering(self, list uuids):
        """Of these guests those that are not stuck."""
        cdef uint32_t row
        found = []
        self.follow()
        for uuid in uuids:
            row = self.row_of(uuid)
            if row >= self.count or self.asks[row].retry_ns == 0:
                found.append(uuid)
        return found

    def answered(self, bytes uuid):
        """A stuck guest's monitor answers again: everything of it is due."""
        cdef uint32_t row = self.find(uuid)
        if row >= self.count:
            return
        memset(self.asks[row].asked_ns, 0, sizeof(self.asks[row].asked_ns))
        memset(self.asks[row].blank, 0, sizeof(self.asks[row].blank))
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
        self.follow()
        return self.row_of(uuid)

    cdef uint32_t row_of(self, bytes uuid) except? 0xfffffffe:
        """Of those that were followed last."""
        if len(uuid) != 16:
            raise ValueError(f"uuid of {len(uuid)} bytes: give its 16 raw bytes")
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
                memset(self.asks[row].blank, 0, sizeof(self.asks[row].blank))
                self.asks[row].lacked = 0
        table_unlock(self.table)
        return 0

    cdef bint knows(self, const Row* r, const Ask* a) noexcept nogil:
        """Whether a row is as it was when it was last followed."""
        return (r.life == a.life and r.run == a.run
                and r.definition == a.definition and r.stirred == a.stirred)

    cdef bint is_due(self, uint32_t row, int kind, uint64_t since) noexcept nogil:
        cdef const Row* r = table_row(self.table, row)
        return r.alive and r.id >= 0 and self.asks[row].asked_ns[kind] < since

    cdef bint spared(
        self, uint32_t row, int kind, uint64_t now, uint64_t since, uint32_t confirms,
        uint64_t without
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
        if confirms == SIZES:
            return r.disks.count == 0 or (
                r.valid & SIZES and r.good_ns[GROUP_BLOCK_SIZE] >= since)
        return confirms != 0 and self.is_confirmed(r, a, kind, now, confirms)

    cdef bint is_confirmed(
        self, Row* r, Ask* a, int kind, uint64_t now, uint32_t groups
    ) noexcept nogil:
        """Whether nothing can have changed since the last reading; then that is confirmed."""
        cdef uint64_t ran = run_time(self.table, r)
        cdef uint16_t bit = <uint16_t>(1 << kind)
        a.confirmed &= ~bit
        if not r.valid >> GROUP_VCPU & 1 or r.jobs.count or r.good_ns[GROUP_VCPU] < a.asked_ns[kind]:
            return False  # nobody looked since: ask
        if a.asked_ns[kind] == 0 or ran != a.ran_ns[kind]:
            a.ran_ns[kind] = ran
            a.settled &= ~bit
            return False
        if groups >> GROUP_DIRTY_RATE & 1 and r.dirty.status == DIRTY_MEASURING:
            return False  # that ends by itself
        if groups >> GROUP_BLOCK & 1 and not self.is_settled(r, a, bit):
            return False
        self.good(r, groups)
        a.confirmed |= bit
        a.asked_ns[kind] = now
        self.confirmed += 1
        return True

    cdef bint is_settled(self, const Row* r, Ask* a, uint16_t bit) noexcept nogil:
        """Whether disks were read once more, and that reading brought the sizes of before."""
        cdef uint64_t sizes = sizes_sum(self.table, r)
        cdef bint settled = a.settled & bit != 0 and sizes == a.sizes
        a.sizes = sizes
        a.settled |= bit
        return settled

    cdef bint stands_still(self, const Row* r, const Ask* a, int kind) noexcept nogil:
        """Whether it was confirmed when it was last due, and has not run since."""
        return (a.confirmed >> kind & 1 and a.asked_ns[kind] != 0 and a.retry_ns == 0
                and r.valid >> GROUP_VCPU & 1 and r.jobs.count == 0
                and run_time(self.table, r) == a.ran_ns[kind])

    cdef bint came_whole(self, Row* r, Ask* a, int kind, uint32_t groups) noexcept nogil:
        """Whether a reading brought all that may be there; else it is no base to confirm."""
        cdef uint32_t came = come_since(r, groups, a.asked_ns[kind])
        cdef uint32_t missing = groups & r.valid & ~came
        cdef uint32_t untold = missing
        if not (r.alive and r.id >= 0):
            return True
        if came & MONITOR_GROUPS:
            a.blank[kind] = 0
        else:
            untold &= CERTAIN_GROUPS if r.disks.count else DISKLESS_GROUPS
        r.valid &= ~(untold & a.lacked)
        missing &= r.valid
        a.lacked = a.lacked & ~groups | untold & r.valid
        # A disk always has limits.
        if not missing and not self.is_blank(r, a, kind, groups & (
                MONITOR_GROUPS | (1 << GROUP_IO_TUNE if r.disks.count else 0))):
            return True
        a.ran_ns[kind] = NEVER
        return False

    cdef bint is_blank(self, const Row* r, Ask* a, int kind, uint32_t groups) noexcept nogil:
        """Whether the monitor, asked for these, may have been busy in all readings yet; counted."""
        if groups == 0 or r.valid & groups or a.blank[kind] == MOST_BLANK:
            return False
        a.blank[kind] += 1
        return True

    cdef void good(self, Row* r, uint32_t groups) noexcept nogil:
        cdef int group
        for group in range(GROUPS):
            if (groups & r.valid & ~SIZES) >> group & 1:
                row_good(r, group, r.good_ns[GROUP_VCPU])


cdef uint8_t* room_for(uint32_t count) except NULL:
    """Room for so many guests' uuids; :func:`taken` gives it back."""
    cdef uint8_t* room = <uint8_t*>malloc((<size_t>count + 1) * UUID)
    if room == NULL:
        raise MemoryError
    return room


cdef list taken(uint8_t* found, uint32_t count):
    """The uuids as objects, which are not made while the table is locked: that may fail."""
    cdef uint32_t i
    try:
        return [<bytes>(<const char*>found + i * UUID)[:UUID] for i in range(count)]
    finally:
        free(found)
