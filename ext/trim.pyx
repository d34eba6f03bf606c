"""Giving back memory that only starting needed.

Importing touches most of the code of some thirty libraries once; those pages stay resident although
nothing runs there again. They are clean copies of files: dropped, they come back from the page
cache where they are wanted. Only executable mappings of files: what the linker wrote into others
would be lost.
"""

import re

from libc.stdint cimport uintptr_t

cdef extern from "<sys/mman.h>" nogil:
    int madvise(void*, size_t, int)
    enum:
        MADV_DONTNEED

cdef extern from "<malloc.h>" nogil:
    int malloc_trim(size_t)

CODE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \S+\s+/", re.ASCII)


def trim(str maps="/proc/self/maps"):
    """Drop resident code and free heap pages; returns how many bytes of code were dropped at most."""
    cdef uintptr_t start, end
    cdef size_t dropped = 0
    with open(maps) as lines:
        found = [CODE.match(line) for line in lines]
    for match in found:
        if match is None:
            continue
        start, end = int(match[1], 16), int(match[2], 16)
        if madvise(<void*>start, end - start, MADV_DONTNEED) == 0:
            dropped += end - start
    malloc_trim(0)
    return dropped
