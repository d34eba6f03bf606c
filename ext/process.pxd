"""Which process is a guest's QEMU, and which of its threads are vCPUs.

Owns finding: the pid file that libvirt writes, or else a look at every process, each proved by the
guest's uuid on QEMU's command line, since a pid file may be stale and a pid another's.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport realloc
from libc.string cimport memcpy, strcmp, strlen

from procstat cimport parse_vcpu_name
from rows cimport Thread
from textfile cimport (
    BAD,
    ENOENT,
    EPERM,
    ESRCH,
    O_CLOEXEC,
    O_DIRECTORY,
    O_RDONLY,
    close,
    errno,
    openat,
    read_file,
    take_number,
)

cdef extern from "<dirent.h>" nogil:
    ctypedef struct DIR:
        pass
    struct dirent:
        char* d_name
    DIR* fdopendir(int)
    dirent* readdir(DIR*)
    int closedir(DIR*)

cdef extern from "<signal.h>" nogil:
    int kill(int pid, int signal)

cdef enum:
    COMMAND_LINE = 1 << 17   # that of a QEMU with hundreds of devices fits
    PATH = 512

cdef struct Threads:
    Thread* items            # by number, ascending
    uint32_t count
    uint32_t room


cdef inline int hex_digit(char c) noexcept nogil:
    if c"0" <= c <= c"9":
        return c - c"0"
    if c"a" <= c <= c"f":
        return c - c"a" + 10
    if c"A" <= c <= c"F":
        return c - c"A" + 10
    return -1


cdef inline bint parse_uuid(const char* text, uint8_t* uuid) noexcept nogil:
    """32 hexadecimal digits, hyphens anywhere between them."""
    cdef int high
    cdef int low
    for i in range(16):
        while text[0] == c"-":
            text += 1
        high = hex_digit(text[0])
        if high < 0:
            return False
        low = hex_digit(text[1])
        if low < 0:
            return False
        uuid[i] = <uint8_t>(high << 4 | low)
        text += 2
    return text[0] == 0


cdef inline bint uuid_on(const char* line, size_t size, uint8_t* uuid) noexcept nogil:
    """The uuid that a command line (arguments ended by NULs) gives behind "-uuid"."""
    cdef const char* end = line + size
    cdef bint flag = False
    while line < end:
        if flag:
            return parse_uuid(line, uuid)
        flag = strcmp(line, b"-uuid") == 0
        line += strlen(line) + 1
    return False


cdef inline int guest_of(int proc, uint64_t pid, uint8_t* uuid, char* scratch) noexcept nogil:
    """1 if the process is a guest's QEMU, and whose; 0 if not; -errno if that cannot be told."""
    cdef char path[64]
    cdef ssize_t size
    snprintf(path, sizeof(path), "%llu/cmdline", <unsigned long long>pid)
    size = read_file(proc, path, scratch, COMMAND_LINE)
    if size < 0:
        return <int>size
    return uuid_on(scratch, size, uuid)


cdef inline bint is_hidden(uint64_t pid) noexcept nogil:
    """Whether there is such a process that /proc does not show to this user (hidepid of proc(5))."""
    return kill(<int>pid, 0) < 0 and errno == EPERM


cdef inline uint64_t read_pid_file(int run, const char* name, size_t size, int* error) noexcept nogil:
    """The pid in NAME.pid, or 0; a name that no file can have has none."""
    cdef char path[PATH]
    cdef char text[32]
    cdef ssize_t got
    cdef uint64_t pid
    cdef const char* at = text
    cdef size_t i
    if size == 0 or size + 5 > sizeof(path):
        return 0
    for i in range(size):
        if name[i] == c"/" or name[i] == 0:
            return 0
    memcpy(path, name, size)
    memcpy(path + size, b".pid", 5)
    got = read_file(run, path, text, sizeof(text))
    if got < 0:
        error[0] = <int>-got
        return 0
    pid = take_number(&at)
    return 0 if pid == BAD or pid > 1 << 30 else pid


cdef inline uint64_t next_process(DIR* proc) noexcept nogil:
    """The next pid of an open /proc, 0 at its end."""
    cdef uint64_t pid
    cdef const char* at
    cdef dirent* entry = readdir(proc)
    while entry != NULL:
        at = entry.d_name
        pid = take_number(&at)
        if pid != BAD and at[0] == 0:
            return pid
        entry = readdir(proc)
    return 0


cdef inline DIR* open_folder(int folder, const char* path) noexcept nogil:
    cdef int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    cdef DIR* opened
    if fd < 0:
        return NULL
    opened = fdopendir(fd)
    if opened == NULL:
        close(fd)
    return opened


cdef inline int threads_add(Threads* threads, uint32_t number, uint32_t tid) noexcept nogil:
    """Put a thread where its number belongs; -1 without memory."""
    cdef uint32_t room
    cdef uint32_t i
    cdef Thread* grown
    if threads.count == threads.room:
        room = threads.room * 2 if threads.room else 4
        grown = <Thread*>realloc(threads.items, room * sizeof(Thread))
        if grown == NULL:
            return -1
        threads.items = grown
        threads.room = room
    i = threads.count
    while i and threads.items[i - 1].number > number:
        threads.items[i] = threads.items[i - 1]
        i -= 1
    threads.items[i].number = number
    threads.items[i].tid = tid
    threads.count += 1
    return 0


cdef inline int list_vcpus(int proc, uint64_t pid, Threads* threads) noexcept nogil:
    """Find a process's vCPU threads; 0, -errno, or -1 without memory."""
    cdef char path[96]
    cdef char comm[32]
    cdef uint64_t tid
    cdef ssize_t size
    cdef int number
    cdef int result = 0
    cdef dirent* entry
    cdef const char* at
    cdef DIR* folder
    threads.count = 0
    snprintf(path, sizeof(path), "%llu/task", <unsigned long long>pid)
    folder = open_folder(proc, path)
    if folder == NULL:
        return -errno
    while result == 0:
        entry = readdir(folder)
        if entry == NULL:
            break
        at = entry.d_name
        tid = take_number(&at)
        if tid == BAD or tid > 1 << 30 or at[0] != 0:
            continue
        snprintf(path, sizeof(path), "%llu/task/%llu/comm",
                 <unsigned long long>pid, <unsigned long long>tid)
        size = read_file(proc, path, comm, sizeof(comm))
        if size in (0, -ENOENT, -ESRCH):
            continue  # ended since it was listed
        if size < 0:
            result = <int>size
            break
        number = parse_vcpu_name(comm)
        if number >= 0:
            result = threads_add(threads, number, <uint32_t>tid)
    closedir(folder)
    return result
