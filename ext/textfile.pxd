"""Small kernel files: read whole into a buffer, and numbers picked out of their text.

Owns bounds: nothing here reads past the terminating NUL that `read_file` sets, or trusts that a
file is complete. Paths are relative to an open directory, so that a recorded tree serves as well.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcmp, strlen

cdef extern from "<fcntl.h>" nogil:
    int openat(int, const char*, int, ...)
    enum:
        AT_FDCWD
        O_RDONLY
        O_CLOEXEC
        O_DIRECTORY
        O_NONBLOCK
        O_PATH

cdef extern from "<unistd.h>" nogil:
    ssize_t read(int, void*, size_t)
    ssize_t pread(int, void*, size_t, long)
    int close(int)

cdef extern from "<errno.h>" nogil:
    int errno
    enum:
        EACCES
        EPERM
        EINTR
        ENODEV
        ENOENT
        ESRCH

cdef extern from *:
    uint64_t BAD "UINT64_MAX"     # not a number, or more than fits

cdef enum:
    # Below every -errno.
    NO_GROUP = -5000         # the guest has no group in that hierarchy
    GARBAGE = -5001          # the text is not of the file's format

cdef struct Line:
    const char* at
    size_t size


cdef inline int open_file(int folder, const char* path) noexcept nogil:
    """A descriptor, or -errno. Never waits, not even on a FIFO."""
    cdef int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    return fd if fd >= 0 else -errno


cdef inline int open_place(const char* path) noexcept nogil:
    """A folder to open files in, -1 if there is none or it may not be entered."""
    return openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC)


cdef inline ssize_t read_again(int fd, char* out, size_t room) noexcept nogil:
    """An open kernel file of at most a page from its beginning: bytes and a NUL, or -errno."""
    cdef ssize_t got = pread(fd, out, room - 1, 0)
    while got < 0 and errno == EINTR:
        got = pread(fd, out, room - 1, 0)
    if got < 0:
        return -errno
    out[got] = 0
    return got


cdef inline ssize_t read_file(int folder, const char* path, char* out, size_t room) noexcept nogil:
    """Bytes read (at most room - 1, then a NUL), or -errno. Never waits, not even on a FIFO."""
    cdef ssize_t got
    cdef size_t size = 0
    cdef int fd = open_file(folder, path)
    if fd < 0:
        return fd
    while size < room - 1:
        got = read(fd, out + size, room - 1 - size)
        if got < 0:
            if errno == EINTR:
                continue
            got = -errno
            close(fd)
            return got
        size += got
        # The kernel gives a small file whole at once; only a full page may have a sequel.
        if got < 4000:
            break
    close(fd)
    out[size] = 0
    return size


cdef inline uint64_t take_number(const char** at) noexcept nogil:
    """Skip blanks, then read decimal digits; BAD (and nothing consumed) if there are none."""
    cdef const char* p = at[0]
    cdef uint64_t value = 0
    cdef unsigned digit
    while p[0] == c" " or p[0] == c"\t":
        p += 1
    if not c"0" <= p[0] <= c"9":
        return BAD
    while c"0" <= p[0] <= c"9":
        digit = p[0] - c"0"
        if value > (BAD - 1 - digit) // 10:
            return BAD
        value = value * 10 + digit
        p += 1
    at[0] = p
    return value


cdef inline bint next_line(const char** at, Line* line) noexcept nogil:
    """The next line without its end; false at the end of the text."""
    cdef const char* p = at[0]
    if p[0] == 0:
        return False
    line.at = p
    while p[0] != 0 and p[0] != c"\n":
        p += 1
    line.size = p - line.at
    at[0] = p + 1 if p[0] else p
    return True


cdef inline uint64_t value_of(const Line* line, const char* key) noexcept nogil:
    """The number behind `key` if the line begins with it and a blank or colon, else BAD."""
    cdef size_t size = strlen(key)
    cdef const char* p = line.at + size
    if line.size <= size or memcmp(line.at, key, size) != 0 or p[0] not in (c" ", c":", c"\t"):
        return BAD
    p += 1
    return take_number(&p)


cdef inline uint64_t times(uint64_t value, uint64_t factor) noexcept nogil:
    """A product, or BAD if the value is bad or it does not fit."""
    if value == BAD or value > (BAD - 1) // factor:
        return BAD
    return value * factor
