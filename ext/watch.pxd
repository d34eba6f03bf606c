"""What the kernel sampler keeps of a guest between two passes: its process, groups, threads, taps.

Owns that memory, and what must be found out once a run. Cut from the table: a row's number is the
place here, its `life` and `run` say whether what is kept still speaks of the same process.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from cgroup cimport CPUACCT, HIERARCHIES, UNIFIED, Groups, parse_groups
from process cimport Threads, list_vcpus
from procstat cimport Stat, parse_stat
from quota cimport Below, below_free
from rows cimport Thread
from textfile cimport GARBAGE, close, read_file

cdef extern from "<net/if.h>" nogil:
    unsigned int if_nametoindex(const char*)
    enum:
        IF_NAMESIZE

cdef extern from "<unistd.h>" nogil:
    int faccessat(int, const char*, int, int)
    enum:
        F_OK

cdef enum:
    SCRATCH = 1 << 17

cdef struct Roots:
    # Open directories: the real ones, or a recorded tree's. -1 where there is none.
    int proc
    int net                  # /sys/class/net
    int mount[HIERARCHIES]   # of each cgroup hierarchy
    uint8_t real             # the unified hierarchy is the kernel's own, and not recorded

cdef struct Tap:
    uint32_t ifindex         # 0: no such interface
    uint8_t host_view        # its counters are to be shown as they are, not swapped

cdef struct Watch:
    uint32_t life
    uint32_t run
    uint32_t shape           # of the row when the taps were looked up
    uint8_t active           # libvirt says that it has a process
    uint8_t gone             # the process found for this run has ended
    uint8_t limited_below    # a group below the guest's counted periods of a quota
    uint8_t tapped           # the kernel has had counters of an interface of its
    uint8_t found            # newly found: the table does not know yet
    uint8_t ungrouped        # it is in no group of its own that counts processor time
    uint64_t pid             # 0: not found
    uint64_t start           # ticks since boot: with the pid it names one process
    uint64_t thread_count
    int cpu_stat             # descriptor + 1 of the group's cpu.stat; 0 for none
    Below below              # what the groups below counted of quotas
    char* groups             # texts without leading slash, each with its NUL
    uint16_t group_at[HIERARCHIES]  # place in `groups` + 1; 0 for none
    Threads threads
    Tap* taps
    uint32_t tap_count


cdef inline void watch_close(Watch* w) noexcept nogil:
    """Close the file that is kept open."""
    if w.cpu_stat:
        close(w.cpu_stat - 1)
        w.cpu_stat = 0


cdef inline void watch_clear(Watch* w) noexcept nogil:
    """Forget everything; the memory of the arrays goes too."""
    free(w.groups)
    free(w.threads.items)
    free(w.taps)
    below_free(&w.below)
    watch_close(w)
    memset(w, 0, sizeof(Watch))


cdef inline const char* watch_group(const Watch* w, int hierarchy) noexcept nogil:
    """The guest's own group in a hierarchy, relative to its mount; NULL for none."""
    return w.groups + w.group_at[hierarchy] - 1 if w.group_at[hierarchy] else NULL


cdef inline int watch_groups(const Roots* roots, Watch* w, char* scratch) noexcept nogil:
    """Find the guest's groups; -errno, or -1 without memory."""
    cdef Groups groups
    cdef char path[64]
    cdef char* to
    cdef ssize_t size
    cdef size_t room = 1
    cdef int i
    snprintf(path, sizeof(path), "%llu/cgroup", <unsigned long long>w.pid)
    size = read_file(roots.proc, path, scratch, SCRATCH)
    if size < 0:
        return <int>size
    parse_groups(scratch, &groups)
    for i in range(HIERARCHIES):
        room += groups.path[i].size + 1
    if room > 60000:
        return 0
    w.ungrouped = size > 0 and scratch[size - 1] == c"\n" and (
        groups.path[UNIFIED].size <= 1 and groups.path[CPUACCT].size <= 1)
    free(w.groups)
    memset(w.group_at, 0, sizeof(w.group_at))
    w.groups = to = <char*>malloc(room)
    if to == NULL:
        return -1
    for i in range(HIERARCHIES):
        size = groups.path[i].size
        if size > 1 and roots.mount[i] >= 0:
            w.group_at[i] = <uint16_t>(to - w.groups + 1)
            memcpy(to, groups.path[i].at + 1, size - 1)
            to[size - 1] = 0
            to += size
    return 0


cdef inline int watch_stat(const Roots* roots, const Watch* w, Stat* stat, char* scratch) noexcept nogil:
    """0, -errno, or GARBAGE for a text that is not /proc/PID/stat's."""
    cdef char path[64]
    cdef ssize_t size
    snprintf(path, sizeof(path), "%llu/stat", <unsigned long long>w.pid)
    size = read_file(roots.proc, path, scratch, SCRATCH)
    if size < 0:
        return <int>size
    return 0 if parse_stat(scratch, stat) == 0 else GARBAGE


cdef inline bint watch_threads(const Roots* roots, Watch* w) noexcept nogil:
    """Look for vCPU threads again; whether they are others than before.

    If that fails those of before stay, and the next reading looks again.
    """
    cdef Threads fresh
    cdef bint same
    memset(&fresh, 0, sizeof(Threads))
    if list_vcpus(roots.proc, w.pid, &fresh) < 0:
        free(fresh.items)
        w.thread_count = 0
        return False
    same = fresh.count == w.threads.count and (fresh.count == 0 or memcmp(
        fresh.items, w.threads.items, fresh.count * sizeof(Thread)) == 0)
    free(w.threads.items)
    w.threads = fresh
    return not same


cdef inline int watch_taps(
    const Roots* roots, Watch* w, const char* names, uint32_t count
) noexcept nogil:
    """Look up the taps, `count` names of IF_NAMESIZE bytes each; -1 without memory.

    A macvtap counts as the guest does and a tap the other way round, as libvirt has it
    (virDomainNetTypeSharesHostView).
    """
    cdef Tap* taps
    cdef char path[64]
    cdef uint32_t i
    taps = <Tap*>realloc(w.taps, (count + 1) * sizeof(Tap))
    if taps == NULL:
        return -1
    w.taps = taps
    w.tap_count = count
    for i in range(count):
        taps[i].ifindex = 0
        taps[i].host_view = 0
        if names[0]:
            taps[i].ifindex = if_nametoindex(names)
            snprintf(path, sizeof(path), "%s/macvtap", names)
            taps[i].host_view = roots.net >= 0 and faccessat(roots.net, path, F_OK, 0) == 0
        names += IF_NAMESIZE
    return 0
