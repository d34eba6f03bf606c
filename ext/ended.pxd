"""Guests that ended of late: what libvirt said of one before its end brings it to no new life.

Without it nothing is left to hold an answer against: with a guest's row goes the time of its last
event. Owned by whoever has the turn (ext/pipe.pxd); the newest ends alone, in one piece of memory.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef enum:
    ENDS_KEPT = 256          # more within one comparison bring another

cdef enum Verdict:
    BELIEVED                 # no end is known that the answer came before
    OUTDATED                 # the guest has ended since
    DOUBTFUL                 # it may have, or it was taken for a transient one: compare anew

cdef struct End:
    uint64_t at_ns           # CLOCK_MONOTONIC of its last event
    uint8_t uuid[16]
    uint8_t transient        # it was a stop: no definition was known

cdef struct Ended:
    uint64_t count           # ends so far; each lies at its number % ENDS_KEPT
    uint64_t forgotten_ns    # of the newest end that is no longer kept
    End ends[ENDS_KEPT]


cdef inline void note_end(
    Ended* ended, const uint8_t* uuid, uint64_t at_ns, int transient
) noexcept nogil:
    """A guest's last event came."""
    cdef End* end = &ended.ends[ended.count % ENDS_KEPT]
    ended.forgotten_ns = max(ended.forgotten_ns, end.at_ns)
    end.at_ns, end.transient = at_ns, transient != 0
    memcpy(end.uuid, uuid, 16)
    ended.count += 1


cdef inline const End* last_end(const Ended* ended, const uint8_t* uuid) noexcept nogil:
    """The guest's newest end that is kept, or NULL."""
    cdef uint64_t number = ended.count
    while number and ended.count - number < ENDS_KEPT:
        number -= 1
        if memcmp(ended.ends[number % ENDS_KEPT].uuid, uuid, 16) == 0:
            return &ended.ends[number % ENDS_KEPT]
    return NULL


cdef inline int was_persistent(
    const Ended* ended, const uint8_t* uuid, int persistent
) noexcept nogil:
    """Whether a guest was forgotten at its stop although libvirt has its definition.

    A start that comes before all else does not say that there is one.
    """
    cdef const End* end = last_end(ended, uuid)
    return persistent and end != NULL and end.transient


cdef inline Verdict judge(
    const Ended* ended, const uint8_t* uuid, uint64_t asked_ns, int persistent
) noexcept nogil:
    """What an answer is worth that libvirt gave when asked at `asked_ns` of a guest without a row."""
    cdef const End* end = last_end(ended, uuid)
    if end == NULL:
        return DOUBTFUL if asked_ns <= ended.forgotten_ns else BELIEVED
    if asked_ns > end.at_ns:
        return BELIEVED
    return DOUBTFUL if end.transient and persistent else OUTDATED
