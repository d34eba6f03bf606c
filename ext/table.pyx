"""The guest table's owner, and the snapshots it gives out.

Everything that runs often is in table.pxd, for the other extensions, through ``address``; here is
what Python needs: facts from the connection keeper, snapshots for readers, and what tests ask for.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from arena cimport Block
from copied cimport copied_free, copied_reserve, copied_rows
from devices cimport Device, disk_at, table_set_devices
from ledger cimport LedgerState
from rows cimport *
from table cimport *
from view cimport View, view_array, view_row, view_take

import msgspec

from hostmon import samples

cdef enum:
    RUNNING = 1              # virDomainState

PRESENCES = ("absent", "present", "unknown")


cdef class GuestTable:
    """A row a guest; grows as far as memory does, and reuses the rows of guests that are gone."""

    cdef Table table
    cdef View spare          # memory of a snapshot that nobody holds any more

    def __cinit__(self):
        if table_init(&self.table) < 0:
            raise MemoryError

    def __dealloc__(self):
        table_free(&self.table)
        free(self.spare.memory)

    @property
    def address(self):
        """Where the Table (ext/table.pxd) lies, for other extensions; it lives as long as this."""
        return <uintptr_t>&self.table

    def __len__(self):
        return self.table.guests

    @property
    def memory(self):
        """Bytes allocated for rows, their arrays and the index; snapshots not counted."""
        return (
            self.table.arena.room
            + self.table.row_room * sizeof(uint64_t)
            + self.table.map.room * sizeof(uint32_t))

    def snapshot(self, ledger=None):
        """The whole table as it is now, and of the same moment the account of ``ledger``.

        The writers wait for one memcpy.
        """
        cdef Snapshot taken = Snapshot.__new__(Snapshot)
        cdef LedgerState* state = NULL
        cdef int failed = 0
        taken.owner = self
        taken.view = self.spare
        memset(&self.spare, 0, sizeof(View))
        if ledger is not None:
            state = <LedgerState*><uintptr_t>ledger.address
            failed = copied_reserve(&taken.view.account, state)
        if not failed:
            with nogil:
                failed = view_take(&taken.view, &self.table, state)
        if failed:
            raise MemoryError
        return taken

    def counts(self):
        """Guests; of these, running; and active: running, paused or suspended."""
        cdef uint32_t row
        cdef uint32_t running = 0
        cdef uint32_t active = 0
        cdef const Row* r
        table_lock(&self.table)
        for row in range(self.table.rows):
            r = table_row(&self.table, row)
            running += r.alive and r.state == RUNNING
            active += r.alive and r.id >= 0
        cdef uint32_t guests = self.table.guests
        table_unlock(&self.table)
        return guests, running, active

    def ring_on_runs(self, int fd):
        """Write to this non-blocking eventfd whenever a guest's process is another; -1: to none."""
        table_lock(&self.table)
        self.table.runs_fd = fd
        table_unlock(&self.table)

    cdef give_back(self, View* view):
        """Keep one snapshot's memory for the next, the larger one."""
        copied_free(&view.account)
        if view.room > self.spare.room:
            self.spare, view[0] = view[0], self.spare
        free(view.memory)

    @property
    def passed_over(self):
        """Results of the hypervisor that newer ones had overtaken, and fields that nobody knows."""
        table_lock(&self.table)
        cdef uint64_t overtaken = self.table.overtaken
        cdef uint64_t unknown_fields = self.table.unknown_fields
        table_unlock(&self.table)
        return overtaken, unknown_fields

    def name(self, bytes uuid):
        """The guest's name; None if there is none such."""
        cdef bytes found = None
        cdef const Row* r
        cdef uint32_t row = self.lock_row(uuid)
        try:  # memory may lack for it
            if row != NO_ROW:
                r = table_row(&self.table, row)
                found = (<const char*>table_array(&self.table, &r.name))[:r.name.count]
        finally:
            table_unlock(&self.table)
        return found

    # The writers' part. A call about a guest that is not there answers False.

    def upsert(self, bytes uuid, bytes name not None):
        """Make the guest's row or rename it; its number."""
        cdef uint32_t row
        cdef const uint8_t* key = uuid_of(uuid)
        table_lock(&self.table)
        row = table_upsert(&self.table, key, name, <uint32_t>len(name))
        table_unlock(&self.table)
        if row == NO_ROW:
            raise MemoryError
        return row

    def retire(self, bytes uuid):
        """Forget a guest."""
        cdef const uint8_t* key = uuid_of(uuid)
        table_lock(&self.table)
        cdef bint found = table_retire(&self.table, key)
        table_unlock(&self.table)
        return found

    def set_state(self, bytes uuid, int32_t state, int32_t reason, int32_t id):
        """libvirt's numbers; id -1 for an inactive guest."""
        cdef uint32_t row = self.lock_row(uuid)
        if row != NO_ROW:
            table_set_state(&self.table, row, state, reason, id)
        table_unlock(&self.table)
        return row != NO_ROW

    def set_presence(self, bytes uuid, str presence):
        """One of PRESENCES."""
        cdef uint8_t number = PRESENCES.index(presence)
        cdef uint32_t row = self.lock_row(uuid)
        if row != NO_ROW:
            table_set_presence(&self.table, row, number)
        table_unlock(&self.table)
        return row != NO_ROW

    def mark_all_unknown(self):
        """Every guest's presence becomes unknown."""
        table_lock(&self.table)
        table_mark_all_unknown(&self.table)
        table_unlock(&self.table)

    def set_sequence(self, int which, uint64_t sequence):
        """The table holds everything up to this number of an event class (0 to 3)."""
        if not 0 <= which < SEQUENCES:
            raise ValueError(f"sequence class {which}: give 0 to {SEQUENCES - 1}")
        table_lock(&self.table)
        table_set_sequence(&self.table, which, sequence)
        table_unlock(&self.table)

    def set_facts(
        self, bytes uuid, *, uint64_t vcpus, uint64_t vcpus_max, uint64_t memory,
        uint64_t memory_max, bint persistent, bint autostart, uint64_t now_ns=0,
    ):
        """What libvirt says of a guest's definition; memory in bytes."""
        cdef uint32_t row = self.lock_row(uuid)
        cdef Row* r
        if row != NO_ROW:
            r = table_row(&self.table, row)
            r.sizes.vcpus, r.sizes.vcpus_max = vcpus, vcpus_max
            r.sizes.memory, r.sizes.memory_max = memory, memory_max
            r.persistent, r.autostart = persistent, autostart
            row_good(r, GROUP_SIZES, now_ns)
        table_unlock(&self.table)
        return row != NO_ROW

    def set_devices(self, bytes uuid, list disks, list interfaces):
        """(key, target) of each disk and interface, as bytes, in the definition's order."""
        cdef Device* first = devices_of(disks)
        cdef Device* second = NULL
        cdef uint32_t row
        cdef int failed = 0
        try:
            second = devices_of(interfaces)
            row = self.lock_row(uuid)
            if row != NO_ROW:
                failed = table_set_devices(
                    &self.table, row, first, len(disks), second, len(interfaces))
                table_row(&self.table, row).definition += 1
            table_unlock(&self.table)
            if failed:
                raise MemoryError
            return row != NO_ROW
        finally:
            free(first)
            free(second)

    def set_disk_sizes(self, bytes uuid, bytes target not None, sizes, uint64_t now_ns=0):
        """Capacity, allocation and physical size of a disk, None for unknown: of a guest that does
        not run. Of one that runs only its hypervisor knows; false for that, or no such disk.

        With ``now_ns`` 0 none of them was read: how old the guest's sizes are stays as it is."""
        cdef uint64_t capacity, allocation, physical
        cdef const char* name = target
        cdef uint32_t size = <uint32_t>len(target)
        cdef Disk* disk = NULL
        # Before the lock: whatever makes an object may run anybody's finalizer.
        capacity, allocation, physical = [UNKNOWN if n is None else n for n in sizes]
        cdef uint32_t row = self.lock_row(uuid)
        if row != NO_ROW and table_row(&self.table, row).id < 0:
            disk = disk_at(&self.table, row, name, size)
        if disk != NULL:
            disk.capacity, disk.allocation, disk.physical = capacity, allocation, physical
            if now_ns:
                row_good(table_row(&self.table, row), GROUP_BLOCK_SIZE, now_ns)
        table_unlock(&self.table)
        return disk != NULL

    def disk_capacity(self, bytes uuid, bytes target not None):
        """A disk's capacity as libvirt told it last, None for unknown or of a guest that is off."""
        cdef uint32_t row = self.lock_row(uuid)
        cdef uint64_t capacity = UNKNOWN
        cdef Disk* disk
        if row != NO_ROW and table_row(&self.table, row).id >= 0:
            disk = disk_at(&self.table, row, target, <uint32_t>len(target))
            if disk != NULL:
                capacity = disk.capacity
        table_unlock(&self.table)
        return None if capacity == UNKNOWN else capacity

    def definition_changed(self, bytes uuid):
        """The metadata, or anything else that labels show, is another."""
        cdef uint32_t row = self.lock_row(uuid)
        if row != NO_ROW:
            table_row(&self.table, row).definition += 1
        table_unlock(&self.table)
        return row != NO_ROW

    cdef uint32_t lock_row(self, bytes uuid) except? 0xfffffffe:
        """Lock, then find; the caller unlocks in any case but an exception."""
        cdef const uint8_t* key = uuid_of(uuid)
        table_lock(&self.table)
        return table_find(&self.table, key)


cdef class Snapshot:
    """The guest table at one moment; it does not change. ``address`` is its View (ext/view.pxd)."""

    cdef GuestTable owner
    cdef View view
    cdef dict index          # row by uuid, made when first asked

    def __dealloc__(self):
        if self.owner is not None:
            self.owner.give_back(&self.view)

    @property
    def address(self):
        """Where the View (ext/view.pxd) lies; it lives as long as this."""
        return <uintptr_t>&self.view

    def __len__(self):
        return self.view.guests

    @property
    def taken_ns(self):
        """CLOCK_MONOTONIC when it was taken."""
        return self.view.taken_ns

    @property
    def account(self):
        """The sums by their names, and the rows of what is bound to cells; None: not taken."""
        if self.view.account.memory == NULL:
            return None
        return self.view.account.sums, copied_rows(&self.view.account)

    @property
    def sequences(self):
        """Of each event class, the number up to which the table held everything."""
        return tuple(self.view.sequences[i] for i in range(SEQUENCES))

    @property
    def sequence(self):
        """The first class's number."""
        return self.view.sequences[0]

    @property
    def uuids(self):
        """The guests, as 16 bytes each."""
        if self.index is None:
            self.index = {
                <bytes>(<const char*>view_row(&self.view, i).uuid)[:16]: i
                for i in range(self.view.rows) if view_row(&self.view, i).alive}
        return tuple(self.index)

    def guest(self, bytes uuid):
        """One guest's row as a ``samples.Guest``; KeyError if there is none."""
        self.uuids  # noqa: B018  (makes the index)
        cdef const Row* row = view_row(&self.view, self.index[uuid])
        cdef dict found = {
            "row": self.index[uuid],
            "uuid": uuid,
            "name": self.bytes_of(&row.name),
            "cgroup": self.bytes_of(&row.cgroup),
            "presence": PRESENCES[row.presence],
            "persistent": bool(row.persistent),
            "autostart": bool(row.autostart),
            "valid": {g: row.good_ns[g] for g in range(GROUPS) if row.valid >> g & 1},
            "counts": list(row.counts),
            "vcpus": [(<const Vcpu*>view_array(&self.view, &row.vcpus))[i]
                      for i in range(row.vcpus.count)],
            "disks": [self.disk(row, i) for i in range(row.disks.count)],
            "interfaces": [self.interface(row, i) for i in range(row.interfaces.count)],
            "jobs": [(<const Job*>view_array(&self.view, &row.jobs))[i]
                     for i in range(row.jobs.count)],
            "iothreads": [(<const IOThread*>view_array(&self.view, &row.iothreads))[i]
                          for i in range(row.iothreads.count)],
            "perf": [(<const PerfCounter*>view_array(&self.view, &row.perf))[i]
                     for i in range(row.perf.count)],
            "life": row.life, "run": row.run, "definition": row.definition, "shape": row.shape,
            "id": row.id, "state": row.state, "reason": row.reason,
            "stuck_since_ns": row.stuck_since_ns, "skipped": row.skipped,
            "sizes": row.sizes, "process": row.process, "cpu": row.cpu, "memory": row.memory,
            "io": row.io, "pressure": row.pressure, "throttle": row.throttle,
            "balloon": row.balloon, "dirty": row.dirty,
        }
        return msgspec.convert(known(found), samples.Guest)

    cdef bytes bytes_of(self, const Block* block):
        return (<const char*>view_array(&self.view, block))[:block.count]

    cdef bytes text_of(self, const Row* row, Text text):
        cdef const char* texts = <const char*>view_array(&self.view, &row.texts)
        return texts[text.at:text.at + text.size]

    cdef dict disk(self, const Row* row, uint32_t i):
        cdef Disk disk = (<const Disk*>view_array(&self.view, &row.disks))[i]
        cdef dict found = disk
        return found | {"key": self.text_of(row, disk.key), "target": self.text_of(row, disk.target)}

    cdef dict interface(self, const Row* row, uint32_t i):
        cdef Interface nic = (<const Interface*>view_array(&self.view, &row.interfaces))[i]
        cdef dict found = nic
        return found | {"key": self.text_of(row, nic.key), "target": self.text_of(row, nic.target)}


cdef const uint8_t* uuid_of(bytes uuid) except NULL:
    if len(uuid) != 16:
        raise ValueError(f"uuid of {len(uuid)} bytes: give its 16 raw bytes")
    return <const uint8_t*><const char*>uuid


cdef Device* devices_of(list pairs) except NULL:
    """The pairs as C; it points into their bytes."""
    cdef Device* made = <Device*>malloc((len(pairs) + 1) * sizeof(Device))
    cdef Py_ssize_t i
    cdef bytes key
    cdef bytes target
    if made == NULL:
        raise MemoryError
    try:
        for i, (key, target) in enumerate(pairs):
            made[i].key, made[i].key_size = key, <uint32_t>len(key)
            made[i].target, made[i].target_size = target, <uint32_t>len(target)
    except BaseException:
        free(made)
        raise
    return made


def known(value):
    """The value with every UNKNOWN in it as None."""
    if isinstance(value, dict):
        return {key: known(item) for key, item in value.items()}
    if isinstance(value, list):
        return [known(item) for item in value]
    return None if value == UNKNOWN else value
