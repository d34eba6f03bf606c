"""Calls to libvirt for statistics, on one connection, without the GIL, straight into the table.

Owns the domain handles of its connection. Every call may hang for as long as a guest's monitor
does: it belongs on a thread that can be left behind. A result that comes late is written only if
nothing newer is there.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.pycapsule cimport PyCapsule_GetPointer

from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from absorb cimport Absorb, absorb_record
from clock cimport monotonic_ns
from fields cimport Fields, load_fields
from libvirt cimport *
from libvirtstats cimport *
from rows cimport *
from singles cimport LIMITS, Singles, absorb_job, absorb_limits, load_singles
from table cimport *

from hostmon.errors import LibvirtError

include "absorbing.pxi"

cdef enum:
    TARGET = 128
    GONE = -1                      # there is no such disk
    LOST = -2                      # the connection is of no more use

cdef Singles SINGLES
load_singles(&SINGLES)


cdef uint32_t filled_by(unsigned int flags) noexcept nogil:
    """The groups of columns that no one but these of libvirt's groups fill."""
    cdef uint32_t groups = 0
    if flags & VIR_DOMAIN_STATS_BLOCK:
        groups |= 1 << GROUP_BLOCK | 1 << GROUP_BLOCK_SIZE
    if flags & VIR_DOMAIN_STATS_BALLOON:
        groups |= 1 << GROUP_BALLOON
    if flags & VIR_DOMAIN_STATS_VCPU:
        groups |= 1 << GROUP_VCPU_STATE
    if flags & VIR_DOMAIN_STATS_IOTHREAD:
        groups |= 1 << GROUP_IO_THREAD
    if flags & VIR_DOMAIN_STATS_DIRTYRATE:
        groups |= 1 << GROUP_DIRTY_RATE
    if flags & VIR_DOMAIN_STATS_PERF:
        groups |= 1 << GROUP_PERF
    return groups


cdef class Stats:
    """Statistics over one open ``libvirt.virConnect``, which must outlive this.

    ``kernel``: the kernel sampler reads these guests, its columns are not to be written here.
    """

    cdef object table_owner
    cdef object connection_owner
    cdef Table* table
    cdef virConnectPtr pointer
    cdef dict domains              # handle (as a number) by uuid
    cdef uint32_t retired          # guests that the table had forgotten when they were dropped last
    cdef bint kernel
    cdef Absorb absorb

    def __cinit__(self, table, connection, *, bint kernel=True):
        self.table_owner = table
        self.connection_owner = connection
        self.table = <Table*><uintptr_t>table.address
        self.pointer = <virConnectPtr>PyCapsule_GetPointer(connection._o, "virConnectPtr")
        self.domains = {}
        self.kernel = kernel
        begin(&self.absorb, self.table, kernel)
        self.absorb.monitor = True

    @property
    def connection(self):
        """The ``libvirt.virConnect`` that was given."""
        return self.connection_owner

    def close(self):
        """Give the domain handles back; before the connection is closed."""
        for handle in self.domains.values():
            virDomainFree(<virDomainPtr><uintptr_t>handle)
        self.domains.clear()

    @property
    def handles(self):
        """How many guests libvirt was asked for by their uuid, and are kept."""
        return len(self.domains)

    cdef int drop_gone(self) except -1:
        """Give the handles of guests back that the table has no more; while none is in use."""
        cdef bint known
        cdef bytes uuid
        if self.retired == self.table.retired:
            return 0
        self.retired = self.table.retired
        for uuid in list(self.domains):
            table_lock(self.table)
            known = table_find(self.table, <const uint8_t*><const char*>uuid) != NO_ROW
            table_unlock(self.table)
            if not known:
                virDomainFree(<virDomainPtr><uintptr_t>self.domains.pop(uuid))
        return 0

    cdef virDomainPtr only(self, bytes uuid) except? NULL:
        """The handle of the one guest that a call is about; NULL if libvirt knows none."""
        self.drop_gone()
        return <virDomainPtr>self.handle(uuid)

    cdef uintptr_t handle(self, bytes uuid) except? 0:
        """The guest's handle, 0 if libvirt knows none; one round trip, the first time.

        Raises LibvirtError where libvirt did not say that it knows none.
        """
        cdef virDomainPtr domain
        cdef const unsigned char* key = <const unsigned char*><const char*>uuid
        if uuid in self.domains:
            return self.domains[uuid]
        with nogil:
            domain = virDomainLookupByUUID(self.pointer, key)
        if domain != NULL:
            self.domains[uuid] = <uintptr_t>domain
        elif virGetLastErrorCode() != VIR_ERR_NO_DOMAIN:
            raise last_error("guest")
        else:
            virResetLastError()
        return <uintptr_t>domain

    def read(self, list uuids, unsigned int groups):
        """One bulk call for these guests, of libvirt's stats groups; those inactive are left out.

        Returns how many records came. Raises LibvirtError when the call failed as a whole.
        """
        cdef virDomainPtr* list_ = <virDomainPtr*>malloc((len(uuids) + 1) * sizeof(virDomainPtr))
        cdef virDomainStatsRecordPtr* records = NULL
        cdef unsigned int count = 0
        cdef int got
        cdef uint64_t began
        if list_ == NULL:
            raise MemoryError
        try:
            self.drop_gone()
            for uuid in uuids:
                list_[count] = <virDomainPtr><uintptr_t>self.handle(uuid)
                count += list_[count] != NULL
            list_[count] = NULL
            if count == 0:
                return 0
            with nogil:
                began = monotonic_ns()
                got = virDomainListGetStats(
                    list_, groups, &records,
                    VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
                    | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)
                if got > 0:
                    self.take(records, got, began, filled_by(groups))
                if records != NULL:
                    virDomainStatsRecordListFree(records)
            if got < 0:
                raise last_error("statistics")
            return got
        finally:
            free(list_)

    cdef void take(
        self, virDomainStatsRecordPtr* records, int count, uint64_t began, uint32_t filled
    ) noexcept nogil:
        cdef unsigned char uuid[16]
        cdef int i
        for i in range(count):
            virDomainGetUUID(records[i].dom, uuid)
            table_lock(self.table)
            self.absorb.row = table_find(self.table, uuid)
            self.absorb.now = began
            if self.absorb.row != NO_ROW and self.is_news(began, filled):
                absorb_record(&self.absorb, records[i].params, records[i].nparams)
                self.table.unknown_fields += self.absorb.unknown
                self.absorb.unknown = 0
            table_unlock(self.table)

    cdef bint is_news(self, uint64_t began, uint32_t filled) noexcept nogil:
        """Whether none of the groups that a call fills has been read since it began."""
        cdef const Row* r = table_row(self.table, self.absorb.row)
        cdef int group
        for group in range(GROUPS):
            if filled >> group & 1 and r.good_ns[group] > began:
                self.table.overtaken += 1
                return False
        return r.id >= 0

    def control(self, bytes uuid):
        """(state, seconds in it) of virDomainGetControlInfo; None if the guest is gone.

        Never waits for the guest. State 0 is ok, 1 a job, 2 occupied, 3 an error. Raises
        LibvirtError, as everything here that asks does, where the connection is of no more use.
        """
        cdef virDomainControlInfo info
        cdef virDomainPtr domain = self.only(uuid)
        cdef int failed
        if domain == NULL:
            return None
        with nogil:
            failed = virDomainGetControlInfo(domain, &info, 0)
        if failed:
            self.refused("control state")
            return None
        return info.state, info.stateTime / 1000

    def job(self, bytes uuid):
        """Read the guest's job; whether it has one, None without an answer.

        libvirtd answers it without asking the guest's monitor.
        """
        cdef virDomainPtr domain = self.only(uuid)
        cdef virTypedParameterPtr params = NULL
        cdef const uint8_t* key = <const uint8_t*><const char*>uuid
        cdef int count = 0
        cdef int type = 0
        cdef int failed
        cdef uint32_t row
        if domain == NULL:
            return None
        with nogil:
            failed = virDomainGetJobStats(domain, &type, &params, &count, 0)
            if failed == 0:
                table_lock(self.table)
                row = table_find(self.table, key)
                if row != NO_ROW and table_row(self.table, row).id >= 0:
                    absorb_job(self.table, row, &SINGLES, type, params, count, monotonic_ns())
                table_unlock(self.table)
                virTypedParamsFree(params, count)
        if failed:
            self.refused("job")
            return None
        return type != 0

    def stir(self, list uuids):
        """libvirt changed something of these guests: all that is read of them is due at once."""
        cdef uint32_t row
        cdef bytes uuid
        for uuid in uuids:
            table_lock(self.table)
            row = table_find(self.table, <const uint8_t*><const char*>uuid)
            if row != NO_ROW:
                table_row(self.table, row).stirred += 1
            table_unlock(self.table)

    def jobless(self, list uuids):
        """These guests are known to have no job: no call."""
        cdef uint32_t row
        cdef bytes uuid
        for uuid in uuids:
            table_lock(self.table)
            row = table_find(self.table, <const uint8_t*><const char*>uuid)
            if row != NO_ROW and table_row(self.table, row).id >= 0:
                table_end_job(self.table, row, monotonic_ns())
            table_unlock(self.table)

    def tune(self, bytes uuid):
        """Read the I/O limits of every disk; how many disks answered."""
        cdef virDomainPtr domain = self.only(uuid)
        cdef const uint8_t* key = <const uint8_t*><const char*>uuid
        cdef uint32_t disk = 0
        cdef uint32_t read = 0
        cdef int result = 1
        if domain == NULL:
            return 0
        with nogil:
            while result >= 0:
                result = self.tune_disk(domain, key, disk)
                read += result > 0
                disk += 1
        if result == LOST:
            raise last_error("I/O limits")
        return read

    cdef int refused(self, str what) except -1:
        """libvirt failed a call for one guest: raises, unless that is the guest's own affair."""
        if self.lost():
            raise last_error(what)
        virResetLastError()
        return 0

    cdef bint lost(self) noexcept nogil:
        """Whether the last call failed since the connection is of no more use; waits for nobody."""
        cdef const virError* error = virGetLastError()
        if error != NULL and error.domain in (VIR_FROM_RPC, VIR_FROM_REMOTE):
            return True
        return virConnectIsAlive(self.pointer) != 1

    cdef int tune_disk(self, virDomainPtr domain, const uint8_t* key, uint32_t which) noexcept nogil:
        """1 if the disk's limits were read, 0 if it has none to give; else GONE, or LOST."""
        cdef char target[TARGET]
        cdef virTypedParameter params[32]
        cdef int count = 32
        cdef uint32_t row
        cdef Row* r
        cdef int found = self.disk_target(key, which, target)
        if found <= 0:
            return found
        if virDomainGetBlockIoTune(domain, target, params, &count, 0) < 0:
            if self.lost():
                return LOST
            virResetLastError()
            return 0
        table_lock(self.table)
        row = table_find(self.table, key)
        if row != NO_ROW:
            r = table_row(self.table, row)
            if which < r.disks.count and r.id >= 0:
                absorb_limits(
                    <Disk*>table_array(self.table, &r.disks) + which, &SINGLES, params, count)
                row_good(r, GROUP_IO_TUNE, monotonic_ns())
        table_unlock(self.table)
        free_texts(params, count)
        return 1

    cdef int disk_target(self, const uint8_t* key, uint32_t which, char* out) noexcept nogil:
        """Copy a disk's target: 1, 0 if it has none, GONE if there is no such disk."""
        cdef uint32_t row
        cdef const Row* r
        cdef const Disk* disk
        cdef int found = GONE
        table_lock(self.table)
        row = table_find(self.table, key)
        if row != NO_ROW:
            r = table_row(self.table, row)
            if which < r.disks.count:
                disk = <const Disk*>table_array(self.table, &r.disks) + which
                found = 0 < disk.target.size < TARGET
                if found:
                    memcpy(out, <char*>table_array(self.table, &r.texts) + disk.target.at,
                           disk.target.size)
                    out[disk.target.size] = 0
        table_unlock(self.table)
        return found


cdef void free_texts(virTypedParameterPtr params, int count) noexcept nogil:
    """Texts in parameters are the caller's, the array here is on the stack."""
    cdef int i
    for i in range(count):
        if params[i].type == VIR_TYPED_PARAM_STRING:
            free(params[i].value.s)


cdef object last_error(str what):
    error = virGetLastError()
    text = "no reason given" if error == NULL or error.message == NULL else (
        error.message.decode(errors="replace"))
    code = 0 if error == NULL else error.code
    virResetLastError()
    return LibvirtError(f"libvirt gave no {what}: {text}", code)
