"""A guest's claim made to follow what is known of it: one function for every event.

The caller says what is so now, not what happened: an event that comes twice, late or not at all
does no harm, and nothing changes where nothing is new.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from claims cimport (
    CLAIM_ACTIVE,
    CLAIM_DEFINED,
    CLAIM_HELD,
    CLAIM_TAKEN,
    Claim,
    claims_find,
    claims_get,
)
from ledger cimport (
    LedgerState,
    claim_close,
    claim_open,
    ledger_settle,
)

cdef enum:
    UNSEEN_VCPUS = 0xFFFFFFFF

cdef extern from *:
    """
    #define UNSEEN UINT64_MAX
    """
    uint64_t UNSEEN

cdef struct Seen:
    # What is known of a guest now. A size that is not known keeps its last value.
    int active
    int defined
    uint32_t vcpus           # UNSEEN_VCPUS: not known
    uint32_t defined_vcpus
    uint64_t memory          # UNSEEN: not known
    uint64_t defined_memory


cdef inline void seen_sizes(const Claim* claim, Seen* seen) noexcept nogil:
    """Fill in what is not known: the last value, or for a guest that starts what it is defined as."""
    cdef int taken = claim.flags & CLAIM_TAKEN
    if seen.defined_vcpus == UNSEEN_VCPUS:
        seen.defined_vcpus = claim.defined_vcpus
    if seen.defined_memory == UNSEEN:
        seen.defined_memory = claim.defined_memory
    if seen.vcpus == UNSEEN_VCPUS:
        seen.vcpus = claim.vcpus if taken else seen.defined_vcpus
    if seen.memory == UNSEEN:
        seen.memory = claim.memory if taken else seen.defined_memory
    if not seen.defined:
        seen.defined_vcpus = 0
        seen.defined_memory = 0


cdef inline int ledger_follow(LedgerState* s, const uint8_t* uuid, Seen seen) noexcept nogil:
    """Make a guest's claim what is known of it; one that ran and does not is held until settled.

    1 if the account changed, 0 if not, -1 without memory.
    """
    cdef Claim* claim = claims_find(&s.claims, uuid)
    cdef uint32_t flags = CLAIM_DEFINED if seen.defined else 0
    if claim == NULL:
        if not seen.active and not seen.defined:
            return 0
        claim = claims_get(&s.claims, uuid)
        if claim == NULL:
            return -1
    seen_sizes(claim, &seen)
    if seen.active:
        flags |= CLAIM_ACTIVE
    elif claim.flags & CLAIM_TAKEN:
        flags |= CLAIM_HELD
        seen.vcpus = claim.vcpus
        seen.memory = claim.memory
    else:
        seen.vcpus = 0
        seen.memory = 0
    if (
        claim.flags == flags
        and claim.vcpus == seen.vcpus
        and claim.memory == seen.memory
        and claim.defined_vcpus == seen.defined_vcpus
        and claim.defined_memory == seen.defined_memory
    ):
        return 0
    claim_open(s, claim)
    claim.flags = flags
    claim.vcpus = seen.vcpus
    claim.memory = seen.memory
    claim.defined_vcpus = seen.defined_vcpus
    claim.defined_memory = seen.defined_memory
    claim_close(s, claim)
    return 1


cdef inline int ledger_heal(
    LedgerState* s, const uint8_t* uuid, Seen seen, uint64_t mark
) noexcept nogil:
    """As `ledger_follow`, for what was true at change ``mark``: a guest changed since is left alone.

    What does not run and was not known to have stopped is released at once. -1 without memory.
    """
    cdef Claim* claim = claims_find(&s.claims, uuid)
    cdef int ran = claim != NULL and claim.flags & CLAIM_ACTIVE
    cdef int result
    if s.sums.removals > mark if claim == NULL else claim.touched > mark:
        return 0
    result = ledger_follow(s, uuid, seen)
    if result > 0 and ran and not seen.active:
        ledger_settle(s, uuid)
    return result
