"""The account's sums: what every event that changed it carries, and snapshots copy."""

from libc.stdint cimport uint64_t

cdef struct Sums:
    uint64_t vcpus_used
    uint64_t vcpus_held
    uint64_t vcpus_allocated
    uint64_t memory_used
    uint64_t memory_held
    uint64_t memory_allocated
    uint64_t disk_used
    uint64_t disk_allocated
    uint64_t defined
    uint64_t active
    uint64_t held
    uint64_t vcpus_claimed   # by grants, of guests that do not run yet
    uint64_t memory_claimed
    uint64_t disk_claimed
    uint64_t claims          # grants that hold room
    uint64_t changes         # changes so far; a snapshot's number
    uint64_t removals        # number of the change that last removed a claim
