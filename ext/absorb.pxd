"""One guest's statistics from libvirt, a list of typed parameters, written into its row.

Owns the walk over the parameters. Where the kernel sampler reads a guest (`kernel`), its columns
are left alone. A field of unknown name or type is passed over and counted. The table's lock is
held by the caller.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memset, strlen

from devices cimport table_set_array, table_set_vcpus
from fields cimport (
    BALLOON_COLUMNS,
    CPU_COLUMNS,
    DIRTY_COLUMNS,
    DISK_COLUMNS,
    IOTHREAD_COLUMNS,
    NET_COLUMNS,
    VCPU_COLUMNS,
    Fields,
)
from libvirt cimport VIR_TYPED_PARAM_STRING, virTypedParameter
from params cimport numbered, param_value, put_column, same_text, starts
from rows cimport *
from table cimport Table, row_good, table_array, table_row

cdef enum:
    MOST_VCPUS = 1024        # of one guest on the libvirt path
    MOST_IOTHREADS = 64
    MOST_PERF = 32

cdef struct Absorb:
    Table* table
    const Fields* fields
    const char** perf_names
    int perf_count
    bint kernel              # the kernel sampler owns cpu, vCPU times and interfaces
    bint monitor             # libvirt knows the balloon's sizes itself: only the rest was read
    uint32_t row
    uint64_t now
    uint32_t seen            # groups of which a field was there
    uint64_t unknown         # fields passed over since the start
    # Arrays in the making.
    uint32_t disk            # position + 1 of the disk that the fields are about; 0 for none
    uint32_t nic
    IOThread iothreads[MOST_IOTHREADS]
    uint32_t iothread_count
    PerfCounter perf[MOST_PERF]
    uint32_t perf_seen


cdef inline void see(Absorb* a, int group) noexcept nogil:
    a.seen |= <uint32_t>1 << group


cdef inline Row* row_of(const Absorb* a) noexcept nogil:
    return table_row(a.table, a.row)


cdef inline const char* text_at(const Absorb* a, Text text) noexcept nogil:
    return <const char*>table_array(a.table, &row_of(a).texts) + text.at


cdef inline bint is_text(const Absorb* a, Text text, const char* name, size_t size) noexcept nogil:
    return text.size == size and memcmp(text_at(a, text), name, size) == 0


cdef inline uint32_t disk_of_target(Absorb* a, const char* name) noexcept nogil:
    """Position + 1 of a target's disk; 0: unknown to the definition, or without a name."""
    cdef Row* r = row_of(a)
    cdef Disk* disks = <Disk*>table_array(a.table, &r.disks)
    cdef size_t size = strlen(name)
    cdef uint32_t i
    for i in range(r.disks.count if size else 0):
        if is_text(a, disks[i].target, name, size):
            return i + 1
    return 0


cdef inline uint32_t nic_of_target(Absorb* a, const char* name) noexcept nogil:
    cdef Row* r = row_of(a)
    cdef Interface* nics = <Interface*>table_array(a.table, &r.interfaces)
    cdef size_t size = strlen(name)
    cdef uint32_t i
    for i in range(r.interfaces.count if size else 0):
        if is_text(a, nics[i].target, name, size):
            return i + 1
    return 0


cdef inline Vcpu* vcpu_of_number(Absorb* a, uint64_t number) noexcept nogil:
    """The vCPU of a number; on the libvirt path made if it is not there. NULL for none."""
    cdef Row* r = row_of(a)
    cdef Vcpu* vcpus = <Vcpu*>table_array(a.table, &r.vcpus)
    cdef Thread made[MOST_VCPUS]
    cdef uint32_t at = 0
    cdef uint32_t i
    while at < r.vcpus.count and vcpus[at].number < number:
        at += 1
    if at < r.vcpus.count and vcpus[at].number == number:
        return &vcpus[at]
    if a.kernel or number >= MOST_VCPUS or r.vcpus.count + 1 >= MOST_VCPUS:
        return NULL
    for i in range(r.vcpus.count):
        made[i + (i >= at)].number = vcpus[i].number
        made[i + (i >= at)].tid = vcpus[i].tid
    made[at].number = <uint32_t>number
    made[at].tid = 0
    if table_set_vcpus(a.table, a.row, made, r.vcpus.count + 1) < 0:
        return NULL
    return <Vcpu*>table_array(a.table, &row_of(a).vcpus) + at


cdef inline bint absorb_vcpu(Absorb* a, const char* rest, const virTypedParameter* p) noexcept nogil:
    cdef uint64_t number
    cdef Vcpu* vcpu
    cdef const char* name = numbered(rest, &number)
    if name == NULL:
        return same_text(rest, b"current") or same_text(rest, b"maximum")
    vcpu = vcpu_of_number(a, number)
    if vcpu == NULL or (a.kernel and (same_text(name, b"time") or same_text(name, b"delay"))):
        return True
    if put_column(<char*>vcpu, a.fields.vcpu, VCPU_COLUMNS, name, param_value(p)):
        see(a, GROUP_VCPU if same_text(name, b"time") else GROUP_VCPU_STATE)
    # Besides, QEMU's own counters of each vCPU, in dozens: none of them is a column.
    return True


cdef inline bint absorb_disk(Absorb* a, const char* rest, const virTypedParameter* p) noexcept nogil:
    cdef uint64_t number
    cdef bint size
    cdef Disk* disk
    cdef const char* name = numbered(rest, &number)
    if name == NULL:
        return same_text(rest, b"count")
    if same_text(name, b"name"):
        # What follows is this disk's, until the next name.
        a.disk = disk_of_target(a, p.value.s) if p.type == VIR_TYPED_PARAM_STRING else 0
        return True
    if name[0] == c"p" and same_text(name, b"path") or same_text(name, b"backingIndex"):
        return True
    if a.disk == 0:
        return True
    disk = <Disk*>table_array(a.table, &row_of(a).disks) + a.disk - 1
    if not put_column(<char*>disk, a.fields.disk, DISK_COLUMNS, name, param_value(p)):
        return same_text(name, b"threshold")
    size = name[0] in (c"a", c"c", c"p")
    see(a, GROUP_BLOCK_SIZE if size else GROUP_BLOCK)
    return True


cdef inline bint absorb_nic(Absorb* a, const char* rest, const virTypedParameter* p) noexcept nogil:
    cdef uint64_t number
    cdef Interface* nic
    cdef const char* name = numbered(rest, &number)
    if name == NULL:
        return same_text(rest, b"count")
    if same_text(name, b"name"):
        a.nic = nic_of_target(a, p.value.s) if p.type == VIR_TYPED_PARAM_STRING else 0
        return True
    if a.nic == 0:
        return True
    nic = <Interface*>table_array(a.table, &row_of(a).interfaces) + a.nic - 1
    if not put_column(<char*>nic, a.fields.net, NET_COLUMNS, name, param_value(p)):
        return False
    see(a, GROUP_INTERFACE)
    return True


cdef inline bint absorb_iothread(
    Absorb* a, const char* rest, const virTypedParameter* p
) noexcept nogil:
    cdef uint64_t number
    cdef IOThread* thread
    cdef const char* name = numbered(rest, &number)
    if name == NULL:
        if same_text(rest, b"count"):
            see(a, GROUP_IO_THREAD)
            return True
        return False
    if a.iothread_count == 0 or a.iothreads[a.iothread_count - 1].id != number:
        if a.iothread_count == MOST_IOTHREADS:
            return False
        thread = &a.iothreads[a.iothread_count]
        memset(thread, 0xff, sizeof(IOThread))
        thread.id = number
        a.iothread_count += 1
    thread = &a.iothreads[a.iothread_count - 1]
    return put_column(<char*>thread, a.fields.iothread, IOTHREAD_COLUMNS, name, param_value(p))


cdef inline bint absorb_perf(Absorb* a, const char* name, const virTypedParameter* p) noexcept nogil:
    cdef int i
    for i in range(a.perf_count):
        if same_text(name, a.perf_names[i]) and a.perf_seen < MOST_PERF:
            a.perf[a.perf_seen].event = i
            a.perf[a.perf_seen].value = param_value(p)
            a.perf_seen += 1
            see(a, GROUP_PERF)
            return True
    return False


cdef inline bint is_size(const char* name) noexcept nogil:
    """Whether a field of the balloon is one that libvirt gives without asking the monitor."""
    return same_text(name, b"current") or same_text(name, b"maximum")


cdef inline bint absorb_one(Absorb* a, const virTypedParameter* p) noexcept nogil:
    """One parameter; false if nobody knows its name or type."""
    cdef const char* name = p.field
    cdef Row* r = row_of(a)
    if not 1 <= p.type <= VIR_TYPED_PARAM_STRING:
        return False
    if starts(name, b"block."):
        return absorb_disk(a, name + 6, p)
    if starts(name, b"vcpu."):
        return absorb_vcpu(a, name + 5, p)
    if starts(name, b"net."):
        return a.kernel and row_known(r, GROUP_INTERFACE) or absorb_nic(a, name + 4, p)
    if starts(name, b"balloon."):
        if not (a.monitor and is_size(name + 8)):
            see(a, GROUP_BALLOON)
        return put_column(
            <char*>&r.balloon, a.fields.balloon, BALLOON_COLUMNS, name + 8, param_value(p))
    if starts(name, b"dirtyrate."):
        see(a, GROUP_DIRTY_RATE)
        return put_column(
            <char*>&r.dirty, a.fields.dirty, DIRTY_COLUMNS, name + 10, param_value(p)
        ) or same_text(name, b"dirtyrate.calc_mode") or starts(name, b"dirtyrate.vcpu.")
    if starts(name, b"iothread."):
        return absorb_iothread(a, name + 9, p)
    if starts(name, b"perf."):
        return absorb_perf(a, name + 5, p)
    if starts(name, b"cpu."):
        if not a.kernel and put_column(
                <char*>&r.cpu, a.fields.cpu, CPU_COLUMNS, name + 4, param_value(p)):
            see(a, GROUP_CPU)
        return True
    return starts(name, b"state.")


cdef inline bint row_known(const Row* r, int group) noexcept nogil:
    return r.valid >> group & 1


cdef inline void absorb_record(Absorb* a, const virTypedParameter* params, int count) noexcept nogil:
    """Write one record; `table`, `row` and `now` (when the reading began) are set."""
    cdef int i
    cdef int group
    cdef Row* r = row_of(a)
    a.seen = a.iothread_count = a.perf_seen = 0
    a.disk = a.nic = 0
    for i in range(count):
        if not absorb_one(a, &params[i]):
            a.unknown += 1
    if a.seen >> GROUP_IO_THREAD & 1:
        table_set_array(a.table, a.row, <char*>&r.iothreads - <char*>r, a.iothreads,
                        a.iothread_count, sizeof(IOThread))
    r = row_of(a)
    if a.seen >> GROUP_PERF & 1:
        table_set_array(a.table, a.row, <char*>&r.perf - <char*>r, a.perf,
                        a.perf_seen, sizeof(PerfCounter))
    r = row_of(a)
    if not a.kernel and a.seen >> GROUP_BALLOON & 1 and r.balloon.rss != UNKNOWN:
        r.memory.rss = r.balloon.rss
        see(a, GROUP_RSS)
    for group in range(GROUPS):
        if a.seen >> group & 1:
            row_good(r, group, a.now)
