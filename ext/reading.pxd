"""One reading of one guest from kernel files, into plain C; the table is written elsewhere.

Owns which file gives which column. What could not be read is left out of `good`; what permission
alone kept from being read is in `denied`. What is cheap is read at every pass, the rest in a full
one.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset, strlen

from cgroup cimport (
    CPU,
    CPUACCT,
    MEMORY,
    UNIFIED,
    add_throttle,
    parse_cpu_stat,
    parse_cpuacct,
    parse_pressure,
)
from procstat cimport Stat, parse_io, parse_schedstat, parse_stat
from quota cimport EMULATOR, below_begin, below_put, below_sum
from rows cimport *
from textfile cimport (
    BAD,
    EACCES,
    ENODEV,
    ENOENT,
    EPERM,
    ESRCH,
    NO_GROUP,
    Line,
    next_line,
    open_file,
    read_again,
    read_file,
    take_number,
    times,
    value_of,
)
from watch cimport (
    SCRATCH,
    Roots,
    Watch,
    watch_close,
    watch_group,
    watch_stat,
    watch_threads,
)

cdef enum:
    LONGEST_PATH = 4096

cdef enum:
    # How deep a reading goes.
    FAST = 0                 # processor times and resident memory
    SHOWN = 1                # and the other columns that a page shows
    ALL = 2                  # and what changes seldom, or nobody shows

cdef enum:
    # What a reading found of the process.
    ENDED = 0
    UNTOLD = 1               # its stat could not be read: nothing of it is read at this pass
    PRESENT = 2

cdef struct VcpuReading:
    uint64_t run_ns
    uint64_t delay_ns
    uint64_t on_cpu

cdef struct Reading:
    const Roots* roots
    char* scratch            # SCRATCH bytes
    uint64_t tick_ns
    uint64_t page
    uint32_t good            # bits of groups
    uint32_t denied
    bint threads_changed
    bint pressure_shown      # where it is not, it is not read
    Cpu cpu
    Memory memory
    ProcessIO io
    Pressure pressure
    Throttle throttle
    VcpuReading* vcpus       # as many as the watch has threads
    uint32_t vcpu_room


cdef inline bint note(Reading* r, int group, ssize_t result) noexcept nogil:
    """Whether a file was read; if not for want of permission, the group is marked denied."""
    if result >= 0:
        return True
    if result in (-EACCES, -EPERM):
        r.denied |= <uint32_t>1 << group
    return False


cdef inline void mark(Reading* r, int group) noexcept nogil:
    r.good |= <uint32_t>1 << group


cdef inline bint group_path(
    char* path, const Watch* w, int hierarchy, const char* child, const char* name
) noexcept nogil:
    """The path below the mount of a file of the guest's group (or of a child of it)."""
    cdef const char* group = watch_group(w, hierarchy)
    return group != NULL and snprintf(
        path, LONGEST_PATH, "%s%s/%s", group, child, name) < LONGEST_PATH


cdef inline ssize_t read_group(
    Reading* r, const Watch* w, int hierarchy, const char* child, const char* name
) noexcept nogil:
    """A file of the guest's group (or of a child of it) into the scratch; size or -errno."""
    cdef char path[LONGEST_PATH]
    if not group_path(path, w, hierarchy, child, name):
        return NO_GROUP
    return read_file(r.roots.mount[hierarchy], path, r.scratch, SCRATCH)


cdef inline ssize_t read_cpu_stat(Reading* r, Watch* w) noexcept nogil:
    """The same of the unified cpu.stat, which is kept open where the kernel's own files lie.

    A removed group's file cannot be read any more, while one of a recorded tree could.
    """
    cdef char path[LONGEST_PATH]
    cdef ssize_t got
    if not r.roots.real:
        return read_group(r, w, UNIFIED, b"", b"cpu.stat")
    if not w.cpu_stat:
        if not group_path(path, w, UNIFIED, b"", b"cpu.stat"):
            return NO_GROUP
        got = open_file(r.roots.mount[UNIFIED], path)
        if got < 0:
            return got
        w.cpu_stat = <int>got + 1
    got = read_again(w.cpu_stat - 1, r.scratch, SCRATCH)
    if got < 0:
        watch_close(w)
    return got


cdef inline ssize_t read_process(
    Reading* r, const Watch* w, uint32_t tid, const char* name
) noexcept nogil:
    """A file of the process, or of one thread of it, into the scratch; size or -errno."""
    cdef char path[96]
    if tid:
        snprintf(path, sizeof(path), "%llu/task/%u/%s", <unsigned long long>w.pid, tid, name)
    else:
        snprintf(path, sizeof(path), "%llu/%s", <unsigned long long>w.pid, name)
    return read_file(r.roots.proc, path, r.scratch, SCRATCH)


cdef inline void take_process_cpu(Reading* r, const Stat* stat) noexcept nogil:
    """Processor times of a guest without a group of its own, as libvirt takes them there: in ticks.

    Which of the two it is stays as it was when the process was found: they never take turns.
    """
    r.cpu.user_ns = times(stat.utime, r.tick_ns)
    r.cpu.system_ns = times(stat.stime, r.tick_ns)
    if r.cpu.user_ns < BAD and r.cpu.system_ns < BAD - r.cpu.user_ns:
        r.cpu.time_ns = r.cpu.user_ns + r.cpu.system_ns
        mark(r, GROUP_CPU)


cdef inline int read_stat(Reading* r, Watch* w, int depth) noexcept nogil:
    """Resident memory, and whether the process found once is still there: its pid may be another's.

    Only the kernel's word that it isn't, or that it is another, ends it: an agent that has run out
    of descriptors or memory cannot tell.
    """
    cdef Stat stat
    cdef int result = watch_stat(r.roots, w, &stat, r.scratch)
    if not note(r, GROUP_RSS, result):
        return ENDED if result in (-ENOENT, -ESRCH) else UNTOLD
    if stat.start != w.start or stat.state in (c"Z", c"X"):
        return ENDED
    if w.ungrouped:
        take_process_cpu(r, &stat)
    r.memory.rss = times(stat.rss, r.page)
    if r.memory.rss != BAD:
        mark(r, GROUP_RSS)
    if depth == ALL or stat.threads != w.thread_count:
        w.thread_count = stat.threads
        r.threads_changed |= watch_threads(r.roots, w)
    return PRESENT


cdef inline bint read_vcpu(Reading* r, const Watch* w, uint32_t i) noexcept nogil:
    """One vCPU's run time and delay."""
    cdef ssize_t size = read_process(r, w, w.threads.items[i].tid, b"schedstat")
    return note(r, GROUP_VCPU, size) and parse_schedstat(
        r.scratch, &r.vcpus[i].run_ns, &r.vcpus[i].delay_ns) == 0


cdef inline bint read_vcpus(Reading* r, const Watch* w) noexcept nogil:
    cdef uint32_t i
    for i in range(w.threads.count):
        if not read_vcpu(r, w, i):
            return False
    return True


cdef inline void read_places(Reading* r, const Watch* w) noexcept nogil:
    """The host CPU that each vCPU last ran on."""
    cdef Stat stat
    cdef uint32_t i
    for i in range(w.threads.count):
        r.vcpus[i].on_cpu = UNKNOWN
        if note(r, GROUP_VCPU_PLACE, read_process(r, w, w.threads.items[i].tid, b"stat")):
            if parse_stat(r.scratch, &stat) == 0:
                r.vcpus[i].on_cpu = stat.processor
                mark(r, GROUP_VCPU_PLACE)


cdef inline void read_cpu(Reading* r, Watch* w) noexcept nogil:
    """Of the unified hierarchy where it has the guest, as libvirt takes it; else of cpuacct.

    Of a guest that neither has, the process's own stat told (`take_process_cpu`).
    """
    cdef char usage[64]
    cdef ssize_t size
    if w.ungrouped:
        return
    if watch_group(w, UNIFIED) != NULL:
        if note(r, GROUP_CPU, read_cpu_stat(r, w)):
            if parse_cpu_stat(r.scratch, &r.cpu) == 0:
                mark(r, GROUP_CPU)
        return
    size = read_group(r, w, CPUACCT, b"", b"cpuacct.usage")
    if note(r, GROUP_CPU, size) and size < <ssize_t>sizeof(usage):
        memcpy(usage, r.scratch, size + 1)
        if read_group(r, w, CPUACCT, b"", b"cpuacct.stat") >= 0:
            if parse_cpuacct(usage, r.scratch, r.tick_ns, &r.cpu) == 0:
                mark(r, GROUP_CPU)


cdef inline uint64_t number_in(Reading* r, const Watch* w, int hierarchy, const char* name) noexcept nogil:
    cdef const char* at = r.scratch
    if not note(r, GROUP_CGROUP_MEMORY, read_group(r, w, hierarchy, b"", name)):
        return BAD
    return take_number(&at)


cdef inline void read_memory(Reading* r, const Watch* w, int depth) noexcept nogil:
    """What the cgroup is charged, of v1's memory controller where it has the guest."""
    cdef const char* text = r.scratch
    cdef Line line
    if watch_group(w, MEMORY) != NULL:
        r.memory.current = number_in(r, w, MEMORY, b"memory.usage_in_bytes")
        if depth == ALL and read_group(r, w, MEMORY, b"", b"memory.stat") >= 0:
            while next_line(&text, &line):
                if value_of(&line, b"total_swap") != BAD:
                    r.memory.swap = value_of(&line, b"total_swap")
    else:
        r.memory.current = number_in(r, w, UNIFIED, b"memory.current")
        if depth == ALL:
            r.memory.swap = number_in(r, w, UNIFIED, b"memory.swap.current")
    if r.memory.current != BAD:
        mark(r, GROUP_CGROUP_MEMORY)


cdef inline void read_throttle(Reading* r, Watch* w, int depth) noexcept nogil:
    """Quotas may lie on the guest's group or on libvirt's groups below it: their sum.

    It holds what groups had counted that are gone; without all that are there it would go back.
    Follows read_cpu: of the unified hierarchy the scratch holds the group's own cpu.stat still.
    A group below without a quota has counted no period, and is looked at again by a deep reading.
    """
    cdef int hierarchy = CPU if watch_group(w, CPU) != NULL else UNIFIED
    memset(&r.throttle, 0, sizeof(Throttle))
    if hierarchy == CPU or w.ungrouped or not r.good >> GROUP_CPU & 1:
        if not note(r, GROUP_THROTTLE, read_group(r, w, hierarchy, b"", b"cpu.stat")):
            return
    if add_throttle(r.scratch, &r.throttle) < 0:
        return
    if (depth == ALL or w.limited_below) and not add_below(r, w, hierarchy):
        return
    mark(r, GROUP_THROTTLE)


cdef inline bint add_below(Reading* r, Watch* w, int hierarchy) noexcept nogil:
    """Add libvirt's groups of the emulator and of each vCPU; false if one could not be read."""
    cdef uint64_t periods = r.throttle.periods
    cdef char child[32]
    cdef uint32_t i
    below_begin(&w.below)
    if not look_below(r, w, hierarchy, b"/emulator", EMULATOR):
        return False
    for i in range(w.threads.count):
        snprintf(child, sizeof(child), "/vcpu%u", w.threads.items[i].number)
        if not look_below(r, w, hierarchy, child, w.threads.items[i].number):
            return False
    below_sum(&w.below, &r.throttle)
    w.limited_below = r.throttle.periods > periods
    return True


cdef inline bint look_below(
    Reading* r, Watch* w, int hierarchy, const char* child, uint32_t number
) noexcept nogil:
    """Take one group's figures; one that does not exist, or has no quota fields, has none."""
    cdef Throttle now
    cdef ssize_t size = read_group(r, w, hierarchy, child, b"cpu.stat")
    memset(&now, 0, sizeof(Throttle))
    if size in (-ENOENT, -ENODEV, NO_GROUP):
        return True
    if not note(r, GROUP_THROTTLE, size):
        return False
    return add_throttle(r.scratch, &now) < 0 or below_put(&w.below, number, &now) == 0


cdef inline bint pressure_of(
    Reading* r, const Watch* w, const char* name, uint64_t* some, uint64_t* full
) noexcept nogil:
    some[0] = full[0] = UNKNOWN
    return note(r, GROUP_PRESSURE, read_group(r, w, UNIFIED, b"", name)) and parse_pressure(
        r.scratch, some, full) == 0


cdef inline void read_pressure(Reading* r, const Watch* w) noexcept nogil:
    """Only the unified hierarchy has it."""
    cdef Pressure* p = &r.pressure
    cdef bint any_ = pressure_of(r, w, b"cpu.pressure", &p.cpu_some_ns, &p.cpu_full_ns)
    any_ |= pressure_of(r, w, b"memory.pressure", &p.memory_some_ns, &p.memory_full_ns)
    any_ |= pressure_of(r, w, b"io.pressure", &p.io_some_ns, &p.io_full_ns)
    if any_:
        mark(r, GROUP_PRESSURE)


cdef inline int read_guest(Reading* r, Watch* w, int depth) noexcept nogil:
    """One reading; ENDED, UNTOLD or PRESENT.

    The vCPUs' part needs room in `vcpus`; whoever calls makes it for the threads last seen, and
    again if `threads_changed`, before `read_vcpus`.
    """
    cdef int found
    r.good = r.denied = 0
    r.threads_changed = False
    memset(&r.memory, 0xff, sizeof(Memory))
    found = read_stat(r, w, depth)
    if found != PRESENT:
        return found
    read_cpu(r, w)
    if depth >= SHOWN:
        read_throttle(r, w, depth)
        read_memory(r, w, depth)
        if r.pressure_shown:
            read_pressure(r, w)
        if note(r, GROUP_PROCESS_IO, read_process(r, w, 0, b"io")):
            if parse_io(r.scratch, &r.io) == 0:
                mark(r, GROUP_PROCESS_IO)
    return PRESENT
