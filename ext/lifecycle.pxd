"""What a lifecycle event says of a guest's state, and what a change of state is as an event.

Numbers are libvirt's (virDomainState, its reasons, virDomainEventType and details): libvirt-domain.h.
"""

from libc.stdint cimport int32_t

cdef enum:
    STATE_RUNNING = 1
    STATE_PAUSED = 3
    STATE_SHUTDOWN = 4
    STATE_SHUTOFF = 5
    STATE_CRASHED = 6
    STATE_PMSUSPENDED = 7

    EVENT_DEFINED = 0
    EVENT_UNDEFINED = 1
    EVENT_STARTED = 2
    EVENT_SUSPENDED = 3
    EVENT_RESUMED = 4
    EVENT_STOPPED = 5
    EVENT_SHUTDOWN = 6
    EVENT_PMSUSPENDED = 7
    EVENT_CRASHED = 8

    UNDEFINED_RENAMED = 1
    SUSPENDED_PAUSED = 0
    RESUMED_UNPAUSED = 0
    STOPPED_CRASHED = 2
    STARTED_WAKEUP = 4

    PAUSED_STARTING_UP = 11
    SHUTOFF_UNKNOWN = 0
    SHUTOFF_CRASHED = 3
    SHUTOFF_DAEMON = 8
    RUNNING_UNPAUSED = 5
    RUNNING_WAKEUP = 8
    MOST_STEPS = 3           # from any state to any other

cdef struct Step:
    int32_t event
    int32_t detail


cdef inline int is_active(int32_t state) noexcept nogil:
    """Whether a guest in this state has a process."""
    return state != 0 and state != STATE_SHUTOFF and state != STATE_CRASHED


cdef inline int is_pause(int32_t event, int32_t detail) noexcept nogil:
    """Whether an event is a pause or its end, after which nothing but the state is another."""
    return event == EVENT_SUSPENDED and detail == SUSPENDED_PAUSED or (
        event == EVENT_RESUMED and detail == RESUMED_UNPAUSED)


cdef inline int32_t paused_reason(int32_t detail) noexcept nogil:
    """virDomainPausedReason of a SUSPENDED event's detail; 0, unknown, where there is none."""
    cdef int32_t[9] reasons = [1, 2, 5, 6, 0, 7, 0, 12, 13]
    return reasons[detail] if 0 <= detail < 9 else 0


cdef inline int32_t suspended_detail(int32_t reason) noexcept nogil:
    """The detail of the SUSPENDED event that a paused guest's reason tells of."""
    cdef int32_t detail
    for detail in range(9):
        if reason > 0 and paused_reason(detail) == reason:
            return detail
    return 0


cdef inline int state_after(
    int32_t event, int32_t detail, int32_t* state, int32_t* reason
) noexcept nogil:
    """State and reason after an event; 0 when the event does not change them."""
    if event == EVENT_STARTED:
        state[0] = STATE_RUNNING
        reason[0] = RUNNING_WAKEUP if detail == STARTED_WAKEUP else detail + 1
    elif event == EVENT_RESUMED:
        state[0], reason[0] = STATE_RUNNING, RUNNING_UNPAUSED
    elif event == EVENT_SUSPENDED:
        state[0], reason[0] = STATE_PAUSED, paused_reason(detail)
    elif event == EVENT_STOPPED:
        state[0], reason[0] = STATE_SHUTOFF, detail + 1
    elif event == EVENT_SHUTDOWN:
        state[0], reason[0] = STATE_SHUTDOWN, 0
    elif event == EVENT_PMSUSPENDED:
        state[0], reason[0] = STATE_PMSUSPENDED, 0
    elif event == EVENT_CRASHED:
        state[0], reason[0] = STATE_CRASHED, 0
    else:
        return 0
    return 1


cdef inline int add_step(Step* steps, int count, int32_t event, int32_t detail) noexcept nogil:
    steps[count].event, steps[count].detail = event, detail
    return count + 1


cdef inline int32_t stopped_detail(int32_t state, int32_t reason) noexcept nogil:
    """The detail of the STOPPED event that an inactive guest's state tells of."""
    if state == STATE_CRASHED:
        return STOPPED_CRASHED
    return reason - 1 if state == STATE_SHUTOFF and reason > 0 else 0


cdef inline int steps_between(
    int32_t old, int32_t state, int32_t reason, int restarted, Step* steps
) noexcept nogil:
    """The events that lead from one state to another, at most MOST_STEPS; returns how many.

    ``restarted``: the guest is active in both, but as another process.
    """
    cdef int count = 0
    cdef int32_t now = old
    if is_active(old) and (restarted or not is_active(state)):
        count = add_step(steps, count, EVENT_STOPPED, stopped_detail(state, reason))
        now = STATE_SHUTOFF
    if is_active(state) and not is_active(now):
        # libvirt's first four reasons to run are the first four details of STARTED, plus one.
        count = add_step(
            steps, count, EVENT_STARTED,
            reason - 1 if state == STATE_RUNNING and 1 <= reason <= 4 else 0)
        now = STATE_RUNNING
    if not is_active(state) or state == now:
        return count
    if state == STATE_PAUSED:
        count = add_step(steps, count, EVENT_SUSPENDED, suspended_detail(reason))
    elif state == STATE_PMSUSPENDED:
        count = add_step(steps, count, EVENT_PMSUSPENDED, 0)
    elif state == STATE_SHUTDOWN:
        count = add_step(steps, count, EVENT_SHUTDOWN, 0)
    elif now != STATE_RUNNING:
        count = add_step(steps, count, EVENT_RESUMED, 0)
    return count
