"""What of a guest's row tells whether it stood still, and what was read of it; nothing is written."""

from libc.stdint cimport uint32_t, uint64_t

from rows cimport *
from table cimport Table, table_array

cdef inline uint32_t come_since(const Row* r, uint32_t groups, uint64_t when) noexcept nogil:
    """Which of these groups are known, and were last good no sooner."""
    cdef uint32_t found = 0
    cdef int group
    for group in range(GROUPS):
        if (groups & r.valid) >> group & 1 and r.good_ns[group] >= when:
            found |= <uint32_t>1 << group
    return found


cdef inline uint64_t run_time(const Table* table, const Row* r) noexcept nogil:
    """Of all vCPUs together."""
    cdef const Vcpu* vcpus = <const Vcpu*>table_array(table, &r.vcpus)
    cdef uint64_t sum = 0
    cdef uint32_t i
    for i in range(r.vcpus.count):
        sum += vcpus[i].run_ns
    return sum


cdef inline uint64_t sizes_sum(const Table* table, const Row* r) noexcept nogil:
    """Another one when a disk's capacity, allocation or physical size is (FNV-1a, 64 bits)."""
    cdef const Disk* disks = <const Disk*>table_array(table, &r.disks)
    cdef uint64_t sum = 14695981039346656037ULL
    cdef uint32_t i
    for i in range(r.disks.count):
        sum = (sum ^ disks[i].capacity) * 1099511628211ULL
        sum = (sum ^ disks[i].allocation) * 1099511628211ULL
        sum = (sum ^ disks[i].physical) * 1099511628211ULL
    return sum
