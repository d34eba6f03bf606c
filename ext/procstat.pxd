"""What /proc says of one process and its threads, parsed: stat, schedstat, io (proc(5)).

Owns the formats only. A text that is cut short or not of the format is refused as a whole.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset, strrchr

from rows cimport ProcessIO
from textfile cimport BAD, Line, next_line, take_number, value_of

cdef struct Stat:
    # Fields of /proc/PID/stat, by their numbers in proc(5).
    uint64_t utime           # 14, clock ticks
    uint64_t stime           # 15, clock ticks
    uint64_t threads         # 20
    uint64_t start           # 22, clock ticks since boot
    uint64_t rss             # 24, pages
    uint64_t processor       # 39, host CPU last run on
    char state               # 3


cdef inline int parse_stat(const char* text, Stat* stat) noexcept nogil:
    """0, or -1 if a field up to the 24th is missing. A name may hold blanks, parentheses, lines."""
    cdef const char* p = strrchr(text, c")")
    cdef uint64_t value
    cdef int field = 3
    memset(stat, 0xff, sizeof(Stat))
    if p == NULL or p[1] != c" " or p[2] == 0:
        return -1
    stat.state = p[2]
    p += 3
    while p[0] == c" ":
        field += 1
        p += 1
        value = BAD if p[0] == c"-" else take_number(&p)
        while p[0] != c" " and p[0] != 0 and p[0] != c"\n":
            p += 1
        if field == 14:
            stat.utime = value
        elif field == 15:
            stat.stime = value
        elif field == 20:
            stat.threads = value
        elif field == 22:
            stat.start = value
        elif field == 24:
            stat.rss = value
        elif field == 39:
            stat.processor = value
            break
    if BAD in (stat.utime, stat.stime, stat.threads, stat.start, stat.rss):
        return -1
    return 0


cdef inline int parse_schedstat(const char* text, uint64_t* run, uint64_t* delay) noexcept nogil:
    """Time on a CPU and time waiting for one, ns; 0, or -1 (Documentation/scheduler/sched-stats)."""
    run[0] = take_number(&text)
    delay[0] = take_number(&text)
    return -1 if BAD in (run[0], delay[0]) else 0


cdef inline void keep_value(const Line* line, const char* key, uint64_t* to) noexcept nogil:
    cdef uint64_t value = value_of(line, key)
    if value != BAD:
        to[0] = value


cdef inline int parse_io(const char* text, ProcessIO* io) noexcept nogil:
    """/proc/PID/io; 0, or -1 if any of its seven lines is missing."""
    cdef Line line
    memset(io, 0xff, sizeof(ProcessIO))
    while next_line(&text, &line):
        keep_value(&line, b"rchar", &io.read_chars)
        keep_value(&line, b"wchar", &io.write_chars)
        keep_value(&line, b"syscr", &io.read_calls)
        keep_value(&line, b"syscw", &io.write_calls)
        keep_value(&line, b"read_bytes", &io.read_bytes)
        keep_value(&line, b"write_bytes", &io.write_bytes)
        keep_value(&line, b"cancelled_write_bytes", &io.cancelled_bytes)
    return -1 if BAD in (
        io.read_chars, io.write_chars, io.read_calls, io.write_calls, io.read_bytes,
        io.write_bytes, io.cancelled_bytes) else 0


cdef inline int parse_vcpu_name(const char* comm) noexcept nogil:
    """The number in "CPU n/KVM" or "CPU n/TCG", as QEMU names its vCPU threads; -1 otherwise."""
    cdef uint64_t number
    if comm[0] != c"C" or comm[1] != c"P" or comm[2] != c"U" or comm[3] != c" ":
        return -1
    comm += 4
    number = take_number(&comm)
    if number > 1 << 20 or comm[0] != c"/":
        return -1
    return <int>number
