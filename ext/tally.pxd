"""Counts of published events that are finer than one a kind.

Written by whoever has the turn (ext/pipe.pxd); a reader may see a count of a moment ago.
"""

from libc.stdint cimport uint64_t

from kinds cimport KIND_AGENT_LIFECYCLE, KIND_LIFECYCLE
from lifecycle cimport EVENT_CRASHED, EVENT_STOPPED, STOPPED_CRASHED
from record cimport ABOUT_GUEST, ORIGIN_RESYNC, Record

cdef enum:
    LIFECYCLE_EVENTS = 9
    AGENT_STATES = 3         # of the agent in a guest; the first has no name

cdef struct Tally:
    uint64_t lifecycle[LIFECYCLE_EVENTS]
    uint64_t agent[AGENT_STATES]
    uint64_t crashes
    uint64_t resync          # events that only a comparison with libvirt found


cdef inline void tally_event(Tally* tally, const Record* r) noexcept nogil:
    """One event of a guest is published."""
    if r.about != ABOUT_GUEST:
        return
    tally.resync += r.origin == ORIGIN_RESYNC
    if r.kind == KIND_LIFECYCLE and 0 <= r.event < LIFECYCLE_EVENTS:
        tally.lifecycle[r.event] += 1
        tally.crashes += r.event == EVENT_CRASHED or (
            r.event == EVENT_STOPPED and r.detail == STOPPED_CRASHED)
    elif r.kind == KIND_AGENT_LIFECYCLE and 0 <= r.event < AGENT_STATES:
        tally.agent[r.event] += 1


cdef inline tuple tally_counts(const Tally* tally):
    """Lifecycle events by their number, guest agents by their state, crashes, and resyncs."""
    return (
        [tally.lifecycle[i] for i in range(LIFECYCLE_EVENTS)],
        [tally.agent[i] for i in range(AGENT_STATES)],
        tally.crashes,
        tally.resync,
    )
