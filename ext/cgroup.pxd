"""A guest's control groups: which are its own, and what their files say (v1, v2, hybrid).

Owns the reading of /proc/PID/cgroup and of cgroup files. Paths come from the kernel, never from a
rule about names; a group that the guest may share with others is none of its own.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memset, strlen

from rows cimport Cpu, Pressure, Throttle
from textfile cimport BAD, Line, next_line, take_number, times, value_of

cdef extern from "<sys/vfs.h>" nogil:
    ctypedef struct StatFs "struct statfs":
        long f_type
    int fstatfs(int, StatFs*)

cdef enum:
    USEC = 1000
    CGROUP2_MAGIC = 0x63677270
    # Hierarchies that a guest's figures come from.
    UNIFIED = 0
    CPUACCT = 1
    CPU = 2
    MEMORY = 3
    HIERARCHIES = 4

cdef struct Groups:
    Line path[HIERARCHIES]   # of size 0 where the guest has no group of its own


cdef inline bint ends_with(const Line* line, const char* end) noexcept nogil:
    cdef size_t size = strlen(end)
    return line.size >= size and memcmp(line.at + line.size - size, end, size) == 0


cdef inline bint lists(const Line* controllers, const char* name) noexcept nogil:
    """Whether a comma-separated list holds the name."""
    cdef size_t size = strlen(name)
    cdef size_t at = 0
    cdef size_t end
    while at <= controllers.size:
        end = at
        while end < controllers.size and controllers.at[end] != c",":
            end += 1
        if end - at == size and memcmp(controllers.at + at, name, size) == 0:
            return True
        at = end + 1
    return False


cdef inline bint split_group(const Line* line, Line* controllers, Line* path) noexcept nogil:
    """NUMBER:CONTROLLERS:PATH, the path without libvirt's child group "emulator"."""
    cdef size_t first = 0
    cdef size_t second
    while first < line.size and line.at[first] != c":":
        first += 1
    second = first + 1
    while second < line.size and line.at[second] != c":":
        second += 1
    if second >= line.size:
        return False
    controllers.at = line.at + first + 1
    controllers.size = second - first - 1
    path.at = line.at + second + 1
    path.size = line.size - second - 1
    return not ends_with(path, b" (deleted)")


cdef inline bint is_guest_name(const Line* path) noexcept nogil:
    """The two forms that libvirt gives a machine's group, with systemd and without it."""
    return (
        ends_with(path, b".libvirt-qemu")
        or ends_with(path, b".scope/libvirt")
        or (ends_with(path, b".scope") and holds(path, b"/machine-qemu")))


cdef inline bint holds(const Line* line, const char* part) noexcept nogil:
    cdef size_t size = strlen(part)
    cdef size_t at
    for at in range(line.size - size + 1 if line.size >= size else 0):
        if memcmp(line.at + at, part, size) == 0:
            return True
    return False


cdef inline void drop_emulator(Line* path) noexcept nogil:
    if ends_with(path, b"/emulator"):
        path.size -= 9


cdef inline Line guest_group(const char* text) noexcept nogil:
    """The group whose child "emulator" the process is in: only libvirt makes that one."""
    cdef Line line
    cdef Line controllers
    cdef Line path
    while next_line(&text, &line):
        if split_group(&line, &controllers, &path) and ends_with(&path, b"/emulator"):
            drop_emulator(&path)
            if path.size:
                return path
    path.size = 0
    return path


cdef inline void parse_groups(const char* text, Groups* groups) noexcept nogil:
    """Find the guest's own groups in /proc/PID/cgroup; they point into the text."""
    cdef Line line
    cdef Line controllers
    cdef Line path
    cdef Line own = guest_group(text)
    memset(groups, 0, sizeof(Groups))
    while next_line(&text, &line):
        if not split_group(&line, &controllers, &path):
            continue
        drop_emulator(&path)
        if not is_guest_name(&path) and not (
                own.size and path.size == own.size and memcmp(path.at, own.at, own.size) == 0):
            continue
        if controllers.size == 0:
            groups.path[UNIFIED] = path
        if lists(&controllers, b"cpuacct"):
            groups.path[CPUACCT] = path
        if lists(&controllers, b"cpu"):
            groups.path[CPU] = path
        if lists(&controllers, b"memory"):
            groups.path[MEMORY] = path


cdef inline int parse_cpu_stat(const char* text, Cpu* cpu) noexcept nogil:
    """cpu.stat of cgroup v2 (cgroup-v2.rst); 0, or -1 if one of the three times is missing."""
    cdef Line line
    cdef uint64_t value
    memset(cpu, 0xff, sizeof(Cpu))
    while next_line(&text, &line):
        value = value_of(&line, b"usage_usec")
        if value != BAD:
            cpu.time_ns = times(value, USEC)
        value = value_of(&line, b"user_usec")
        if value != BAD:
            cpu.user_ns = times(value, USEC)
        value = value_of(&line, b"system_usec")
        if value != BAD:
            cpu.system_ns = times(value, USEC)
    return -1 if BAD in (cpu.time_ns, cpu.user_ns, cpu.system_ns) else 0


cdef inline int parse_cpuacct(
    const char* usage, const char* stat, uint64_t tick_ns, Cpu* cpu
) noexcept nogil:
    """cpuacct.usage (ns) and cpuacct.stat (ticks) of cgroup v1; 0, or -1."""
    cdef Line line
    cdef uint64_t value
    memset(cpu, 0xff, sizeof(Cpu))
    cpu.time_ns = take_number(&usage)
    while next_line(&stat, &line):
        value = value_of(&line, b"user")
        if value != BAD:
            cpu.user_ns = times(value, tick_ns)
        value = value_of(&line, b"system")
        if value != BAD:
            cpu.system_ns = times(value, tick_ns)
    return -1 if BAD in (cpu.time_ns, cpu.user_ns, cpu.system_ns) else 0


cdef inline int add_throttle(const char* text, Throttle* sum) noexcept nogil:
    """Add one cpu.stat, of v2 (µs) or of v1's cpu controller (ns); -1 if it has no quota fields."""
    cdef Line line
    cdef uint64_t periods = BAD
    cdef uint64_t throttled = BAD
    cdef uint64_t ns = BAD
    cdef uint64_t value
    while next_line(&text, &line):
        value = value_of(&line, b"nr_periods")
        if value != BAD:
            periods = value
        value = value_of(&line, b"nr_throttled")
        if value != BAD:
            throttled = value
        value = value_of(&line, b"throttled_usec")
        if value != BAD:
            ns = times(value, USEC)
        value = value_of(&line, b"throttled_time")
        if value != BAD:
            ns = value
    if BAD in (periods, throttled, ns):
        return -1
    sum.periods += periods
    sum.throttled_periods += throttled
    sum.throttled_ns += ns
    return 0


cdef inline uint64_t total_of(const char* p, const char* end) noexcept nogil:
    """The number behind "total=" before `end`, in ns, or BAD."""
    while end - p > 6:
        if memcmp(p, b"total=", 6) == 0:
            p += 6
            return times(take_number(&p), USEC)
        p += 1
    return BAD


cdef inline int parse_pressure(const char* text, uint64_t* some, uint64_t* full) noexcept nogil:
    """A cpu, memory or io.pressure file (psi.rst); -1 without "some". Old kernels have no full."""
    cdef Line line
    some[0] = full[0] = BAD
    while next_line(&text, &line):
        if line.size > 5 and memcmp(line.at, b"some ", 5) == 0:
            some[0] = total_of(line.at, line.at + line.size)
        elif line.size > 5 and memcmp(line.at, b"full ", 5) == 0:
            full[0] = total_of(line.at, line.at + line.size)
    return -1 if some[0] == BAD else 0


cdef inline bint is_cgroup2(int mount) noexcept nogil:
    """Whether an open directory is of the kernel's unified hierarchy."""
    cdef StatFs found
    return mount >= 0 and fstatfs(mount, &found) == 0 and found.f_type == CGROUP2_MAGIC
