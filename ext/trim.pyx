"""Giving back memory that only starting needed.

Importing touches most of the code and constants of some thirty libraries once; those pages stay
resident although nothing goes there again. They are clean copies of files: dropped, they come back
from the page cache where they are wanted. Only mappings that nobody can write to, and of these only
the pages that are still the file's: what the linker wrote before it took the right away is not.
"""

import os
import re

from libc.stdint cimport uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from posix.unistd cimport pread

cdef extern from "<sys/mman.h>" nogil:
    int madvise(void*, size_t, int)
    enum:
        MADV_DONTNEED

cdef extern from *:
    """
    #include <malloc.h>
    #if __GLIBC_PREREQ(2, 33)
    static inline size_t free_of_heap(void) { return mallinfo2().fordblks; }
    static inline size_t used_of_heap(void) {
        struct mallinfo2 found = mallinfo2();
        return found.uordblks + found.hblkhd;
    }
    #else  /* it counts to 4 GiB, then begins again */
    static inline size_t free_of_heap(void) { return (unsigned int)mallinfo().fordblks; }
    static inline size_t used_of_heap(void) {
        struct mallinfo found = mallinfo();
        return (size_t)(unsigned int)found.uordblks + (unsigned int)found.hblkhd;
    }
    #endif
    """
    size_t free_of_heap() nogil
    size_t used_of_heap() nogil
    int malloc_trim(size_t) nogil
    int mallopt(int, int) nogil
    enum:
        M_MMAP_THRESHOLD
        M_TRIM_THRESHOLD

cdef enum:
    KEPT = 1 << 20
    MAPPED = 4 << 20
    # Of an entry of /proc/PID/pagemap, Documentation/admin-guide/mm/pagemap.rst of the kernel.
    PAGE_PRESENT = 63
    PAGE_OF_FILE = 61

READ_ONLY = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+\s+/", re.ASCII)
PAGE = os.sysconf("SC_PAGESIZE")


cdef size_t drop(int pagemap, uintptr_t start, size_t pages, size_t page) except? 0:
    """Drop the file's own pages of one mapping; returns how many bytes were resident."""
    cdef uint64_t* entries = <uint64_t*>malloc(pages * sizeof(uint64_t))
    cdef size_t first = 0
    cdef size_t i
    cdef size_t dropped = 0
    cdef ssize_t got
    if entries == NULL:
        raise MemoryError
    with nogil:
        got = pread(
            pagemap, entries, pages * sizeof(uint64_t), start // page * sizeof(uint64_t))
        pages = <size_t>got // sizeof(uint64_t) if got > 0 else 0
        for i in range(pages + 1):
            if i < pages and entries[i] >> PAGE_PRESENT & entries[i] >> PAGE_OF_FILE & 1:
                continue
            if i > first and madvise(
                    <void*>(start + first * page), (i - first) * page, MADV_DONTNEED) == 0:
                dropped += (i - first) * page
            first = i + 1
    free(entries)
    return dropped


def trim(str process="/proc/self"):
    """Drop resident pages of files and free heap pages; returns how many bytes of files."""
    with open(f"{process}/maps") as lines:
        found = [READ_ONLY.match(line) for line in lines]
    mappings = [(int(match[1], 16), int(match[2], 16)) for match in found if match]
    cdef size_t dropped = 0
    try:
        pagemap = os.open(f"{process}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # a kernel without it: the pages stay
        pagemap = -1
    if pagemap >= 0:
        try:
            for start, end in mappings:
                dropped += drop(pagemap, start, (end - start) // PAGE, PAGE)
        finally:
            os.close(pagemap)
    trim_heap()
    return dropped


def bound_heap():
    """Have each end of the heap (every few threads have one) keep at most a MiB that is free.

    glibc keeps twice the largest piece that was ever given back, up to 64 MiB, and malloc_trim
    leaves all ends but the first alone (mallopt(3)). Pieces of 4 MiB get a mapping of their own.
    """
    with nogil:
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, MAPPED)


def trim_heap():
    """Give free pages of the heap back: 4 ms of 50 MiB, which others' allocations may wait for."""
    with nogil:
        malloc_trim(0)


def heap_free():
    """Bytes of the heap that are free, whether or not their pages were given back."""
    cdef size_t found
    with nogil:
        found = free_of_heap()
    return found


def heap_used():
    """Bytes of the heap that are in use, large pieces with a mapping of their own included."""
    cdef size_t found
    with nogil:
        found = used_of_heap()
    return found
