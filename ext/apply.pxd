"""What a record does to the guest table, and which events a comparison with libvirt yields.

Inline functions for the dispatcher, its only user: without the GIL, in time that does not grow with
the number of guests (a comparison of all of them aside). A guest's state changes by its events
alone: what the keeper looked up adds sizes and flags, and where its state is another although no
event came for a while, everything is compared anew.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memmove, memset

from clock cimport monotonic_ns, realtime_ns
from ended cimport BELIEVED, DOUBTFUL, Ended, Verdict, judge, note_end, was_persistent
from kinds cimport *
from lifecycle cimport *
from msgpack cimport get_uint
from record cimport ABOUT_GUEST, ORIGIN_LIVE, ORIGIN_RESYNC, Facts, Record
from rows cimport (
    COUNT_CRASH,
    COUNT_IO_ERROR,
    COUNT_LIFECYCLE,
    COUNT_REBOOT,
    COUNT_WATCHDOG,
    GROUP_BALLOON,
    GROUP_CPU,
    GROUP_SIZES,
    PRESENCE_PRESENT,
    PRESENCE_UNKNOWN,
    UNKNOWN,
    Row,
)
from table cimport (
    Table,
    row_good,
    table_array,
    table_count,
    table_end_job,
    table_find,
    table_lock,
    table_mark_all_unknown,
    table_retire,
    table_row,
    table_set_presence,
    table_set_sequence,
    table_set_state,
    table_unlock,
    table_upsert,
)
from uuidmap cimport NO_ROW
from wanted cimport Wanted, want, want_all

cdef enum:
    ACTUAL_KEY = 7           # bytes of the key "actual"
    # A state that differs from the table's for so long without an event was missed. Before libvirt
    # tells of a stop it waits for the process, up to 30 s, and for its hooks; of a crash, for hooks.
    DISAGREEMENT_NS = 60000000000
    CRASH_NS = 5000000000

cdef struct Track:
    # What the dispatcher remembers of a row beside the table.
    uint32_t life            # of the row that this is true of
    uint8_t wanted           # the keeper has been asked to look it up
    uint64_t last_event_ns   # monotonic time of its last event
    uint64_t seen            # the comparison that last listed it
    uint64_t disagrees_ns    # since when libvirt has called its state another; 0: it agrees
    int32_t ended_id         # its libvirt id in the run that a stop ended last; 0: none did

cdef struct Applier:
    Table* table
    Wanted* wanted
    Track* tracks
    uint32_t tracks_room
    Ended ended
    int disagreeing          # whether any guest's state is said to be another
    uint64_t comparison      # counts comparisons with libvirt
    uint64_t looks_up        # a bit a kind: whether such an event makes the keeper look
    uint64_t stirs           # a bit a kind: whether it makes the libvirt sampler read anew


cdef inline Track* track_of(Applier* a, uint32_t row) noexcept nogil:
    """The row's track, cleared if the row began another life; NULL without memory."""
    cdef uint32_t room
    cdef Track* grown
    cdef Track* track
    cdef uint32_t life = table_row(a.table, row).life
    if row >= a.tracks_room:
        room = row + row // 2 + 64
        grown = <Track*>realloc(a.tracks, room * sizeof(Track))
        if grown == NULL:
            return NULL
        memset(grown + a.tracks_room, 0, (room - a.tracks_room) * sizeof(Track))
        a.tracks, a.tracks_room = grown, room
    track = &a.tracks[row]
    if track.life != life:
        memset(track, 0, sizeof(Track))
        track.life = life
    return track


cdef inline void want_row(Applier* a, Track* track, const uint8_t* uuid) noexcept nogil:
    if not track.wanted:
        track.wanted = 1
        want(a.wanted, uuid)


cdef inline uint32_t row_for(Applier* a, const Record* r) noexcept nogil:
    """The row of the record's guest, made for one that is new; NO_ROW without memory."""
    cdef uint32_t row = table_upsert(
        a.table, r.uuid, <const char*>r + sizeof(Record), r.name_size)
    if row != NO_ROW and table_row(a.table, row).state == 0:
        table_set_state(
            a.table, row, STATE_RUNNING if r.id >= 0 else STATE_SHUTOFF, 0, r.id)
        table_row(a.table, row).persistent = 0
    return row


cdef inline int is_of_ended_run(
    const Row* guest, const Track* track, const Record* r
) noexcept nogil:
    """Whether an event tells of a run whose stop was told before it.

    libvirt queues what QEMU says of a guest after it let go of that guest, so that somebody who
    destroys it may be ahead.
    """
    return r.event not in (EVENT_STARTED, EVENT_STOPPED) and not is_active(guest.state) and (
        r.id < 0 or r.id == track.ended_id)


cdef inline void end_guest(Applier* a, const Record* r, int transient) noexcept nogil:
    """A guest's last event: its row goes, and what was asked before is no longer believed."""
    if r.origin == ORIGIN_LIVE:  # what a comparison found has no time but that of its asking
        note_end(&a.ended, r.uuid, r.monotonic_ns, transient)
    table_retire(a.table, r.uuid)


cdef inline void apply_lifecycle(
    Applier* a, uint32_t row, Track* track, const Record* r
) noexcept nogil:
    """One lifecycle event; may retire the row."""
    cdef Row* guest = table_row(a.table, row)
    cdef int32_t state, reason
    cdef int32_t id = r.id
    if r.event == EVENT_DEFINED:
        guest.persistent = 1
    elif r.event == EVENT_UNDEFINED and r.detail != UNDEFINED_RENAMED:
        guest.persistent = 0
        if not is_active(guest.state):
            end_guest(a, r, 0)
            return
    if not is_of_ended_run(guest, track, r) and state_after(r.event, r.detail, &state, &reason):
        if r.event == EVENT_STOPPED:
            track.ended_id = guest.id if guest.id > 0 else track.ended_id
            id = -1
        elif id < 0:
            # An event still in flight while its guest stopped carries no id: keep the last one.
            id = guest.id
        table_set_state(a.table, row, state, reason, id)
    if r.event == EVENT_STOPPED and not guest.persistent:
        # The end of a transient guest: no other event tells of it.
        end_guest(a, r, 1)
        return
    table_set_presence(a.table, row, PRESENCE_PRESENT)
    table_count(a.table, row, COUNT_LIFECYCLE)
    if r.event == EVENT_CRASHED or r.event == EVENT_STOPPED and r.detail == STOPPED_CRASHED:
        table_count(a.table, row, COUNT_CRASH)


cdef inline int tells_all(Applier* a, uint32_t row, const Record* r) noexcept nogil:
    """Whether an event of a guest that was looked up before leaves nothing to ask libvirt for."""
    return r.kind == KIND_LIFECYCLE and is_pause(r.event, r.detail) and (
        table_row(a.table, row).sizes.vcpus != UNKNOWN)


cdef inline void apply_event(Applier* a, const Record* r) noexcept nogil:
    """One event of a guest, of any kind; the table's lock is held."""
    cdef uint32_t row
    cdef Track* track
    if r.kind == KIND_LIFECYCLE and r.event != EVENT_UNDEFINED:
        row = row_for(a, r)
    else:
        row = table_find(a.table, r.uuid)
    if row == NO_ROW:
        return
    track = track_of(a, row)
    if track == NULL:
        return
    track.last_event_ns = r.monotonic_ns
    track.disagrees_ns = 0
    if r.origin == ORIGIN_LIVE and a.looks_up >> r.kind & 1 and not tells_all(a, row, r):
        want_row(a, track, r.uuid)
    if a.stirs >> r.kind & 1:
        table_row(a.table, row).stirred += 1
    if r.kind == KIND_LIFECYCLE:
        apply_lifecycle(a, row, track, r)
    elif r.kind == KIND_REBOOT:
        table_count(a.table, row, COUNT_REBOOT)
    elif r.kind == KIND_WATCHDOG:
        table_count(a.table, row, COUNT_WATCHDOG)
    elif r.kind == KIND_IO_ERROR:
        table_count(a.table, row, COUNT_IO_ERROR)
    elif r.kind == KIND_BALLOON_CHANGE:
        apply_balloon(a, row, r)
    elif r.kind == KIND_JOB_COMPLETED:
        table_end_job(a.table, row, r.monotonic_ns)
    elif r.kind == KIND_PROCESS_EXIT:
        apply_exit(a, row, track, r)


cdef inline void apply_balloon(Applier* a, uint32_t row, const Record* r) noexcept nogil:
    """The guest's memory is another: the body is the pair ``actual``, in bytes."""
    cdef Row* guest = table_row(a.table, row)
    cdef const uint8_t* body = <const uint8_t*>r + sizeof(Record) + r.name_size
    cdef uint64_t actual
    if not get_uint(body + ACTUAL_KEY, <const uint8_t*>r + r.size, &actual):
        return
    if guest.valid >> GROUP_SIZES & 1:
        guest.sizes.memory = actual
    if guest.valid >> GROUP_BALLOON & 1:
        guest.balloon.current = actual


cdef inline void apply_exit(Applier* a, uint32_t row, Track* track, const Record* r) noexcept nogil:
    """The kernel's notice; `detail` is the pid. libvirt may have told of it already."""
    cdef Row* guest = table_row(a.table, row)
    if guest.id >= 0 and guest.process.pid in (0, <uint64_t>r.detail):
        table_set_presence(a.table, row, PRESENCE_UNKNOWN)
        want_row(a, track, r.uuid)


cdef inline void set_facts(Applier* a, uint32_t row, const Record* r, const Facts* f) noexcept nogil:
    cdef Row* guest = table_row(a.table, row)
    guest.sizes.vcpus, guest.sizes.vcpus_max = f.vcpus, f.vcpus_max
    guest.sizes.memory, guest.sizes.memory_max = f.memory, f.memory_max
    guest.persistent, guest.autostart = f.persistent, f.autostart
    row_good(guest, GROUP_SIZES, r.monotonic_ns)
    if guest.state == f.state:
        guest.reason = f.reason
    # Where the kernel is read its figures are later and finer.
    if is_active(f.state) and guest.id == r.id and guest.process.pid == 0:
        guest.cpu.time_ns = f.cpu_time_ns
        row_good(guest, GROUP_CPU, r.monotonic_ns)
    table_set_presence(a.table, row, PRESENCE_PRESENT)


cdef inline void apply_facts(Applier* a, const Record* r) noexcept nogil:
    """What the keeper looked up; ignored where an event came after it was asked."""
    cdef const Facts* facts = <const Facts*>(<const char*>r + sizeof(Record) + r.name_size)
    cdef uint32_t row = table_find(a.table, r.uuid)
    cdef Track* track
    if row == NO_ROW:
        if was_persistent(&a.ended, r.uuid, facts.persistent):
            want_all(a.wanted)
        return
    track = track_of(a, row)
    if track == NULL:
        return
    track.wanted = 0
    if r.monotonic_ns < track.last_event_ns:
        want_row(a, track, r.uuid)
        return
    set_facts(a, row, r, facts)
    if is_active(table_row(a.table, row).state) == is_active(facts.state) or (
            facts.state == STATE_PAUSED and facts.reason == PAUSED_STARTING_UP):
        track.disagrees_ns = 0  # a guest that starts is paused until libvirt tells of it
    elif patience_ns(facts) == 0 or (
            track.disagrees_ns and r.monotonic_ns - track.disagrees_ns > patience_ns(facts)):
        track.disagrees_ns = 0
        want_all(a.wanted)
    elif track.disagrees_ns == 0:
        track.disagrees_ns = r.monotonic_ns
        a.disagreeing = 1


cdef inline uint64_t patience_ns(const Facts* facts) noexcept nogil:
    """How long to wait for the event of a state. A libvirtd that cannot go on with a guest after
    its own restart stops it, and tells nobody: as daemon, as unknown, or as crashed."""
    if facts.state == STATE_SHUTOFF and facts.reason in (SHUTOFF_UNKNOWN, SHUTOFF_DAEMON):
        return 0
    if facts.state == STATE_SHUTOFF and facts.reason == SHUTOFF_CRASHED:
        return CRASH_NS
    return DISAGREEMENT_NS


cdef inline void ask_again(Applier* a) noexcept nogil:
    """Have every guest looked up whose state is said to be another than the table's."""
    cdef uint32_t row
    if not a.disagreeing:
        return
    a.disagreeing = 0
    table_lock(a.table)
    for row in range(min(a.table.rows, a.tracks_room)):
        if table_row(a.table, row).alive and track_of(a, row).disagrees_ns:
            a.disagreeing = 1
            want_row(a, track_of(a, row), table_row(a.table, row).uuid)
    table_unlock(a.table)


cdef inline int compare_guest(Applier* a, const Record* r, Step* steps) noexcept nogil:
    """A listed guest: the events, at most MOST_STEPS + 1, that led to what libvirt says of it.

    The caller publishes them, then calls `settle_guest`. -1: an event came after libvirt was
    asked; the guest will be looked up again, or has ended.
    """
    cdef const Facts* facts = <const Facts*>(<const char*>r + sizeof(Record) + r.name_size)
    cdef uint32_t row = table_find(a.table, r.uuid)
    cdef int count = 0
    cdef int32_t old = STATE_SHUTOFF
    cdef int restarted = 0
    cdef Verdict verdict
    cdef Track* track
    if row != NO_ROW:
        track = track_of(a, row)
        if track != NULL and r.monotonic_ns < track.last_event_ns:
            track.seen = a.comparison
            track.wanted = 0  # what was wanted before a comparison went with it
            want_row(a, track, r.uuid)
            return -1
    else:
        verdict = judge(&a.ended, r.uuid, r.monotonic_ns, facts.persistent)
        if verdict != BELIEVED:
            if verdict == DOUBTFUL:
                want_all(a.wanted)
            return -1
    if row == NO_ROW or not table_row(a.table, row).persistent:
        if facts.persistent:
            count = add_step(steps, count, EVENT_DEFINED, 0)
    if row != NO_ROW:
        old = table_row(a.table, row).state
        restarted = is_active(old) and is_active(facts.state) and (
            table_row(a.table, row).id != r.id)
    return count + steps_between(old, facts.state, facts.reason, restarted, steps + count)


cdef inline void settle_guest(Applier* a, const Record* r) noexcept nogil:
    """A listed guest, after the events of its comparison: its row says what libvirt said."""
    cdef const Facts* facts = <const Facts*>(<const char*>r + sizeof(Record) + r.name_size)
    cdef uint32_t row = row_for(a, r)
    cdef Track* track
    if row == NO_ROW:
        return
    track = track_of(a, row)
    if track == NULL:
        return
    track.seen = a.comparison
    track.wanted = 0
    table_set_state(a.table, row, facts.state, facts.reason, r.id)
    set_facts(a, row, r, facts)


cdef inline int steps_to_gone(Applier* a, uint32_t row, Step* steps) noexcept nogil:
    """The events that led to a guest's being gone, at most MOST_STEPS."""
    cdef Row* guest = table_row(a.table, row)
    cdef int count = 0
    if is_active(guest.state):
        count = add_step(steps, count, EVENT_STOPPED, 0)
    if guest.persistent:
        count = add_step(steps, count, EVENT_UNDEFINED, 0)
    return count


cdef inline int is_gone(
    Applier* a, uint32_t row, uint64_t asked_ns, int if_missing
) noexcept nogil:
    """Whether a guest of which nothing was heard since ``asked_ns`` is there no more.

    ``if_missing``: only if the last comparison did not list it.
    """
    cdef Track* track
    if not table_row(a.table, row).alive:
        return 0
    track = track_of(a, row)
    if track == NULL or track.last_event_ns > asked_ns:
        return 0
    return not if_missing or track.seen != a.comparison and track.last_event_ns < asked_ns


cdef inline void row_record(const Table* table, uint32_t row, Record* out) noexcept nogil:
    """A record about a row's guest, header and name; `out` has room for both."""
    cdef Row* guest = table_row(table, row)
    memset(out, 0, sizeof(Record))
    memcpy(out.uuid, guest.uuid, 16)
    out.about = ABOUT_GUEST
    out.id = guest.id
    out.name_size = <uint16_t>guest.name.count
    memcpy(<char*>out + sizeof(Record), table_array(table, &guest.name), guest.name.count)


cdef inline void step_record(const Record* about, Record* out) noexcept nogil:
    """A lifecycle event of a comparison's about a record's guest; the caller says which."""
    memmove(out, about, sizeof(Record) + about.name_size)
    out.size = <uint32_t>(sizeof(Record) + about.name_size)
    out.kind, out.fields = KIND_LIFECYCLE, 0
    out.origin = ORIGIN_RESYNC
    out.time_ns, out.monotonic_ns = realtime_ns(), monotonic_ns()
