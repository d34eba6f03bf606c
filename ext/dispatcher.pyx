"""The dispatcher's loop: drains the pipe, numbers each event, publishes it; without the GIL.

The only writer of the sequences, whichever thread has its turn (ext/pipe.pxd). Python makes the
socket in its thread (hostmon/dispatcher.py) and calls :meth:`Dispatcher.run`, which returns when
told to stop.
"""

from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from announce cimport heartbeat_record, lost_record
from apply cimport *
from batch cimport Batch, batch_fill, batch_free, batch_init, batch_next
from books cimport *
from clock cimport monotonic_ns, realtime_ns
from history cimport HistoryData
from kinds cimport *
from ledger cimport LedgerState
from numbering cimport *
from outlet cimport *
from pipe cimport *
from record cimport *
from rest cimport *
from ring cimport Stamp, ring_append
from settle cimport *
from standing cimport Standing, facts_record, standing_differs, standing_in
from tally cimport Tally, tally_counts, tally_event
from wanted cimport Wanted, want_all, wanted_free, wanted_new, wanted_ring, wanted_taken

from hostmon import kinds
from hostmon._history import History
from hostmon._ledger import Ledger


cdef bint dispatch_alone(Dispatcher self, const Record* event) noexcept nogil:
    """Publish an event that came alone, unless the last one left something to do."""
    if self.rest.timed:
        return False
    self.publish(event)
    self.welcome()
    if outlet_serve(&self.outlet) or self.next_turn(event.monotonic_ns) < self.rest.until:
        rest_end_soon(&self.rest)
    return True


cdef class Dispatcher:
    """One event stream: ``pipe`` in, ``table`` and ``ledger`` kept current, a publisher out.

    ``epoch`` marks this run, ``host`` names it in every event; a heartbeat goes out every
    ``heartbeat_ns``. A stop is concluded ``reboot_window_ns`` after it at the earliest, and only
    then gives its room back. The newest events stay in ``history``, ``ring_size`` bytes of them.
    """

    cdef object pipe_owner, table_owner
    cdef readonly object history, ledger
    cdef Applier applier
    cdef Wanted* wanted
    cdef Pipe* pipe
    cdef HistoryData* kept
    cdef Numbering numbers
    cdef Settling settling
    cdef Books books
    cdef Tally tally
    cdef Outlet outlet
    cdef Rest rest
    cdef Batch batch
    cdef Record* found       # room for one that is made here
    cdef Losses untold
    cdef uint64_t heartbeat_ns, beat_ns, welcomed  # beat_ns: the next heartbeat's time
    cdef int connected, interrupted, stopping
    cdef readonly int wanted_fd              # readable while the keeper should look something up
    cdef readonly uint64_t epoch, turned_ns  # the loop's last turn
    cdef readonly uint64_t compared          # begin of the last comparison
    cdef readonly uint64_t lost_records      # found no room, or made no sense
    cdef readonly str host

    def __cinit__(self, pipe, table, uint64_t epoch, str host, bytes zmq_path,
                  uint64_t heartbeat_ns=1000000000, *, uint64_t reboot_window_ns=15000000000,
                  uint64_t ring_size=16 << 20, ledger=None):
        batch_init(&self.batch)
        self.found = <Record*>malloc(RECORD_MAX)
        self.books.grown = <uint8_t*>malloc(RECORD_MAX)
        self.wanted = wanted_new()
        self.wanted_fd = self.wanted.fd
        if not (self.found and self.books.grown):
            raise MemoryError
        if numbering_init(&self.numbers) or settling_init(&self.settling, reboot_window_ns):
            raise MemoryError
        self.pipe_owner, self.table_owner = pipe, table
        self.history = History(epoch, host, ring_size)
        self.kept = <HistoryData*><uintptr_t>self.history.address
        self.ledger = Ledger() if ledger is None else ledger
        self.books.ledger = <LedgerState*><uintptr_t>self.ledger.address
        self.applier.table = <Table*><uintptr_t>table.address
        self.applier.wanted = self.wanted
        self.applier.looks_up = sum(1 << kinds.NUMBERS[kind] for kind in kinds.LOOKED_UP)
        self.applier.stirs = sum(1 << kinds.NUMBERS[kind] for kind in kinds.STIRS)
        self.pipe = <Pipe*><uintptr_t>pipe.address
        self.epoch, self.host, self.heartbeat_ns = epoch, host, heartbeat_ns
        outlet_init(&self.outlet, zmq_path)
        rest_init(&self.rest, self.pipe)

    def __dealloc__(self):
        batch_free(&self.batch)
        outlet_free(&self.outlet)
        rest_free(&self.rest)
        free(self.found)
        free(self.books.grown)
        free(self.applier.tracks)
        numbering_free(&self.numbers)
        settling_free(&self.settling)
        wanted_free(self.wanted)

    def run(self, uintptr_t socket):
        """Dispatch on a pyzmq socket's ``underlying``, made here; false if only interrupted."""
        cdef int over
        self.rest.socket.fd = outlet_over(&self.outlet, <void*>socket)
        with nogil:
            pipe_attend(self.pipe, <Dispatch>dispatch_alone, <void*>self)
            over = self.loop()
            pipe_leave(self.pipe)
        return bool(over)

    def stop(self):
        """End :meth:`run`, after what is in the pipe now; from any thread."""
        self.stopping = 1
        self.pipe_owner.ring()

    def interrupt(self):
        """Have :meth:`run` return soon, to be called again; from any thread."""
        self.interrupted = 1
        self.wake()

    def wake(self):
        """Have :meth:`run` look at what others changed in the account; from any thread."""
        self.pipe_owner.ring()

    cdef int loop(self) noexcept nogil:
        cdef uint64_t now, next
        cdef int last_round, more, unserved
        self.beat_ns = 0
        self.welcome()
        while True:
            last_round = self.stopping
            more = self.drain()
            unserved = outlet_serve(&self.outlet)
            if last_round and not more or self.interrupted:
                self.interrupted = 0
                return last_round
            now = self.turned_ns = monotonic_ns()
            next = self.next_turn(now)
            if self.beat_ns <= now:
                self.heartbeat(now)
                next = self.next_turn(now)
            rest_until(&self.rest, self.pipe, now, now if more or unserved else next)

    cdef uint64_t next_turn(self, uint64_t now) noexcept nogil:
        """When the next turn is due, whatever comes; with a heartbeat from `beat_ns` on."""
        cdef uint64_t next = ask_about_stops(&self.settling, self.wanted, self.connected, now)
        if books_due(&self.books, now, &next):
            self.beat_ns = now
        return min(next, self.beat_ns, wanted_ring(self.wanted, now))

    cdef void welcome(self) noexcept nogil:
        """Tell the next subscriber of the newest numbers."""
        self.welcomed = self.outlet.sent
        outlet_welcome(
            &self.outlet, &self.kept.encoder, self.numbers.sequences, HEARTBEAT_CLASS)

    cdef int drain(self) noexcept nogil:
        """Publish a batch of what the pipe holds; whether there is more."""
        cdef int more = batch_fill(&self.batch, self.pipe, &self.untold)
        cdef const Record* record = batch_next(&self.batch)
        while record != NULL:
            self.dispatch(record)
            record = batch_next(&self.batch)
        if self.untold.records:
            self.tell_of_losses()
        if self.welcomed != self.outlet.sent:
            self.welcome()
        return more

    cdef void tell_of_losses(self) noexcept nogil:
        """Publish how many events of each kind are gone; have what can be, found by comparing."""
        self.lost_records += self.untold.records
        if lost_record(self.found, &self.kept.encoder, &self.untold):
            self.publish(self.found)
        want_all(self.wanted)
        memset(&self.untold, 0, sizeof(Losses))

    cdef void dispatch(self, const Record* record) noexcept nogil:
        """One record: an event to publish, or something that the keeper learnt."""
        if record.kind < KIND_LIMIT:
            self.publish(record)
        elif record.kind == RECORD_FACTS and record.size >= sizeof(Record) + sizeof(Facts):
            self.learn(record, 0)
        elif record.kind == RECORD_RESYNC_BEGIN:
            self.applier.comparison += 1
        elif record.kind == RECORD_RESYNC_GUEST and record.size >= sizeof(Record) + sizeof(Facts):
            self.compare(record)
        elif record.kind == RECORD_RESYNC_END:
            self.retire_missing(record)
            write_now(self.compared, record.monotonic_ns)
        elif record.kind == RECORD_GONE:
            self.retire_guest(record)
            self.confirm_stop(record.uuid, monotonic_ns())
        else:
            self.lost_records += 1

    cdef void publish(self, const Record* record) noexcept nogil:
        """Number an event, apply it to the table, keep it, send it."""
        cdef Table* table = self.applier.table
        cdef Stamp stamp
        if self.kept.encoder.topics[record.kind].size == 0:
            self.lost_records += 1
            return
        table_lock(table)
        stamp = number_event(&self.numbers, &self.kept.ring, table, record)
        if record.about == ABOUT_GUEST and record.kind < KIND_FACTS:
            apply_event(&self.applier, record)
            books_follow(&self.books, table, record.uuid)
            stamp_guest(&stamp, table, record.uuid)
        elif record.kind == KIND_STOPPED:
            books_settle(&self.books, record.uuid)
        elif record.kind == KIND_CONNECTION:
            self.connected = record.event
            if not self.connected:
                table_mark_all_unknown(table)
        if stamp.class_ != HEARTBEAT_CLASS:
            table_set_sequence(table, stamp.class_, stamp.sequences[stamp.class_])
        table_unlock(table)
        tally_event(&self.tally, record)
        if self.books.owed:
            record = books_carry(&self.books, record, &stamp)
        if stamp.class_ != HEARTBEAT_CLASS:
            ring_append(&self.kept.ring, &stamp, record)
        outlet_send(&self.outlet, &self.kept.encoder, record, &stamp)
        if record.kind == KIND_LIFECYCLE and record.about == ABOUT_GUEST:
            self.follow_stop(record, stamp.sequences[stamp.class_])

    cdef void follow_stop(self, const Record* record, uint64_t sequence) noexcept nogil:
        """Hold a stop until it is concluded; a start before that makes it a reboot.

        Room is held for an open stop alone: what cannot be one gives it back at once.
        """
        cdef OpenStop* stop
        if record.event == EVENT_STOPPED:
            if hold_stop(&self.settling, record, sequence) < 0:
                count_loss(&self.untold, KIND_STOPPED)  # for want of memory
        stop = open_stop(&self.settling, record.uuid)
        if stop == NULL:
            books_settle(&self.books, record.uuid)
        elif record.event == EVENT_STARTED:
            self.conclude(stop, KIND_REBOOTED)

    cdef void confirm_stop(self, const uint8_t* uuid, uint64_t asked_ns) noexcept nogil:
        """libvirt said that a guest is not running: conclude its stop, if that is due."""
        cdef OpenStop* stop = open_stop(&self.settling, uuid)
        if stop != NULL and asked_ns >= stop.due_ns:
            self.conclude(stop, KIND_STOPPED)

    cdef void conclude(self, OpenStop* stop, int kind) noexcept nogil:
        cdef Record* record = close_stop(
            &self.settling, stop, kind, &self.kept.encoder.lifecycle_details[EVENT_STOPPED])
        self.publish(record)
        free(record)

    cdef void learn(self, const Record* told, int listed) noexcept nogil:
        """Take what libvirt said of a guest into the table; publish what of it is news."""
        cdef const Facts* facts = <const Facts*>(
            <const uint8_t*>told + sizeof(Record) + told.name_size)
        cdef Table* table = self.applier.table
        cdef Record* event = self.found
        cdef Standing before, after
        table_lock(table)
        before = standing_in(table, told.uuid)
        if listed:
            settle_guest(&self.applier, told)
        else:
            apply_facts(&self.applier, told)
        books_learn(&self.books, self.applier.table, told.uuid, facts)
        after = standing_in(table, told.uuid)
        table_unlock(table)
        if standing_differs(&before, &after):
            memcpy(event, told, sizeof(Record) + told.name_size)
            event.origin = ORIGIN_RESYNC if listed else ORIGIN_LIVE
            event.event = event.detail = -1
            facts_record(event, &after, &self.kept.encoder.states)
            self.publish(event)
        if not is_active(facts.state):
            self.confirm_stop(told.uuid, told.monotonic_ns)

    cdef void publish_steps(
        self, const Record* about, const Step* steps, int count
    ) noexcept nogil:
        """Publish what a comparison found of one guest, as events of origin resync."""
        cdef Record* event = self.found
        cdef int i
        step_record(about, event)
        for i in range(count):
            event.event, event.detail = steps[i].event, steps[i].detail
            self.publish(event)

    cdef void compare(self, const Record* listed) noexcept nogil:
        """Publish how what libvirt lists of a guest differs from the table, and settle it."""
        cdef Step steps[MOST_STEPS + 1]
        cdef int count
        table_lock(self.applier.table)
        count = compare_guest(&self.applier, listed, steps)
        table_unlock(self.applier.table)
        if count < 0:
            return
        self.publish_steps(listed, steps, count)
        self.learn(listed, 1)

    cdef void retire_missing(self, const Record* end) noexcept nogil:
        """After a comparison: guests that libvirt did not list are gone."""
        cdef unsigned int row
        for row in range(self.applier.table.rows):
            self.retire(row, end.monotonic_ns, 1)

    cdef void retire_guest(self, const Record* told) noexcept nogil:
        """libvirt says that there is no such guest."""
        cdef unsigned int row
        table_lock(self.applier.table)
        row = table_find(self.applier.table, told.uuid)
        table_unlock(self.applier.table)
        if row != NO_ROW:
            self.retire(row, told.monotonic_ns, 0)

    cdef void retire(self, unsigned int row, uint64_t asked_ns, int if_missing) noexcept nogil:
        """Publish a guest's end and forget it, unless an event came after libvirt was asked.

        Only who has the turn makes and retires rows: the row is the same guest's after the lock.
        """
        cdef Record* gone = self.found
        cdef Step steps[MOST_STEPS]
        cdef int count = -1
        table_lock(self.applier.table)
        if is_gone(&self.applier, row, asked_ns, if_missing):
            row_record(self.applier.table, row, gone)
            count = steps_to_gone(&self.applier, row, steps)
        table_unlock(self.applier.table)
        if count < 0:
            return
        self.publish_steps(gone, steps, count)
        table_lock(self.applier.table)
        table_retire(self.applier.table, gone.uuid)
        books_follow(&self.books, self.applier.table, gone.uuid)
        table_unlock(self.applier.table)

    cdef void heartbeat(self, uint64_t now) noexcept nogil:
        """Publish each class's last number, and the account's sums."""
        self.beat_ns = now + self.heartbeat_ns
        ask_again(&self.applier)
        pipe_losses(self.pipe, &self.untold)  # the next turn tells of them
        self.books.owed = 1
        heartbeat_record(self.found, &self.kept.encoder, self.numbers.sequences, HEARTBEAT_CLASS)
        self.publish(self.found)
        queue_release(self.pipe)

    @property
    def sequence_of(self):
        """Each class's last number."""
        return {name: self.numbers.sequences[i] for i, name in enumerate(kinds.CLASSES)}

    @property
    def count_of(self):
        """Events published, by kind."""
        return {name: self.numbers.counts[number] for number, name in kinds.KINDS.items()}

    @property
    def tally_of(self):
        """Finer counts, as `tally_counts` orders them."""
        return tally_counts(&self.tally)

    @property
    def open_stops(self):
        """Stops that are not concluded yet."""
        return self.settling.count

    @property
    def current(self):
        """Whether all was compared since events were lost, or all was last wanted."""
        cdef uint64_t untold = read_now(self.pipe.unseen.records) + read_now(self.untold.records)
        return not untold and read_now(self.compared) > read_now(self.wanted.lapsed_ns)

    @property
    def abuse(self):
        """Connections ended for subscribing to too much, and messages that were no subscription."""
        return self.outlet.peers.cut_off, self.outlet.peers.ignored

    def take_wanted(self):
        """The guests to look up, as 16 bytes each; None: compare everything."""
        return wanted_taken(self.wanted)
