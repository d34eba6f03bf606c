"""The guest table: a row a guest, found by uuid in constant time, copied whole for readers.

Owns rows, their arrays and the sequences they are true at. Three threads write: the dispatcher
rows, identity and state; each sampler its own columns. Every function here wants the table's lock
held (`table_lock`), and a pointer into the table holds until it is released or the next function
that may allocate. The lock is never held across a system call that can wait, a call to libvirt, or
anything that needs Python: whoever holds it needs no GIL to go on.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset

from arena cimport (
    Arena,
    Block,
    arena_free,
    arena_init,
    arena_take,
    block_give,
    block_take,
)
from mutex cimport (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_t,
    pthread_mutex_unlock,
)
from rows cimport *
from uuidmap cimport NO_ROW, UuidMap, map_drop, map_find, map_free, map_init, map_put

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd_write(int, uint64_t)

cdef enum:
    SEQUENCES = 4            # of the event stream's classes, as the dispatcher counts them

cdef struct Table:
    pthread_mutex_t lock
    Arena arena
    uint64_t* row_at         # offset of each row, live or free
    uint32_t row_room
    uint32_t rows            # rows ever made
    uint32_t guests          # rows alive
    uint32_t retired         # guests that were forgotten so far
    uint64_t overtaken       # hypervisor's results thrown away because newer ones were there
    uint64_t unknown_fields  # of such results, of unknown name or type: passed over
    uint32_t next_free       # first free row, NO_ROW for none; its `run` names the next
    UuidMap map
    uint64_t sequences[SEQUENCES]
    int runs_fd              # eventfd that is written when a guest's process is another; -1 for none


cdef inline void table_lock(Table* table) noexcept nogil:
    pthread_mutex_lock(&table.lock)


cdef inline void table_unlock(Table* table) noexcept nogil:
    pthread_mutex_unlock(&table.lock)


cdef inline Row* table_row(const Table* table, uint32_t row) noexcept nogil:
    return <Row*>(table.arena.memory + table.row_at[row])


cdef inline void* table_array(const Table* table, const Block* block) noexcept nogil:
    """The first element of a row's array."""
    return table.arena.memory + block.at


cdef inline const uint8_t* row_uuid(void* table, uint32_t row) noexcept nogil:
    return table_row(<Table*>table, row).uuid


cdef inline int table_init(Table* table) noexcept nogil:
    """0, or -1 without memory. The table must not move afterwards."""
    memset(table, 0, sizeof(Table))
    pthread_mutex_init(&table.lock, NULL)
    arena_init(&table.arena)
    table.next_free = NO_ROW
    table.runs_fd = -1
    return map_init(&table.map, row_uuid, table)


cdef inline void table_free(Table* table) noexcept nogil:
    map_free(&table.map)
    arena_free(&table.arena)
    free(table.row_at)
    table.row_at = NULL
    pthread_mutex_destroy(&table.lock)


cdef inline uint32_t table_find(const Table* table, const uint8_t* uuid) noexcept nogil:
    """The row of a guest, or NO_ROW."""
    return map_find(&table.map, uuid)


cdef inline uint32_t new_row(Table* table) noexcept nogil:
    """A free row, cleared but for its life; NO_ROW without memory."""
    cdef uint32_t row = table.next_free
    cdef uint32_t room
    cdef uint32_t units
    cdef uint64_t at
    cdef uint64_t* grown
    if row != NO_ROW:
        table.next_free = table_row(table, row).run
        return row
    if table.rows == table.row_room:
        room = table.row_room + table.row_room // 4 + 64
        grown = <uint64_t*>realloc(table.row_at, room * sizeof(uint64_t))
        if grown == NULL:
            return NO_ROW
        table.row_at = grown
        table.row_room = room
    at = arena_take(&table.arena, sizeof(Row), &units)
    if at == 0:
        return NO_ROW
    row = table.rows
    table.rows += 1
    table.row_at[row] = at
    table_row(table, row).life = 0
    return row


cdef inline void clear_row(Row* row, const uint8_t* uuid) noexcept nogil:
    """A new life: nothing known but the uuid."""
    cdef uint32_t life = row.life
    memset(row, 0, sizeof(Row))
    memcpy(row.uuid, uuid, 16)
    row.life = life + 1
    row.alive = 1
    row.id = -1
    row.presence = PRESENCE_UNKNOWN
    memset(&row.sizes, 0xff, sizeof(Sizes))
    forget_counters(row)


cdef inline void forget_counters(Row* row) noexcept nogil:
    row.valid &= ~<uint32_t>RUN_GROUPS
    row.stuck_since_ns = 0
    memset(&row.process, 0, sizeof(Process))
    memset(&row.cpu, 0xff, sizeof(Cpu))
    memset(&row.memory, 0xff, sizeof(Memory))
    memset(&row.io, 0xff, sizeof(ProcessIO))
    memset(&row.pressure, 0xff, sizeof(Pressure))
    memset(&row.throttle, 0xff, sizeof(Throttle))
    memset(&row.balloon, 0xff, sizeof(Balloon))
    memset(&row.dirty, 0xff, sizeof(DirtyRate))


cdef inline void table_forget_run(Table* table, uint32_t row) noexcept nogil:
    """The guest's process is another, or none: what was read of the last one is void."""
    cdef Row* r = table_row(table, row)
    cdef Disk* disks = <Disk*>table_array(table, &r.disks)
    cdef Interface* interfaces = <Interface*>table_array(table, &r.interfaces)
    cdef uint32_t i
    forget_counters(r)
    for i in range(r.disks.count):
        memset(&disks[i].read_requests, 0xff, sizeof(Disk) - 2 * sizeof(Text))
    for i in range(r.interfaces.count):
        memset(&interfaces[i].rx_bytes, 0xff, sizeof(Interface) - 2 * sizeof(Text))
    block_give(&table.arena, &r.vcpus)
    block_give(&table.arena, &r.jobs)
    block_give(&table.arena, &r.iothreads)
    block_give(&table.arena, &r.perf)
    block_give(&table.arena, &r.cgroup)
    r.run += 1
    r.shape += 1


cdef inline void row_good(Row* row, int group, uint64_t now_ns) noexcept nogil:
    """The columns of a group have just been read."""
    row.valid |= <uint32_t>1 << group
    row.good_ns[group] = now_ns


cdef inline int table_set_bytes(
    Table* table, uint32_t row, size_t which, const void* data, uint32_t size
) noexcept nogil:
    """Give the row's Block at offset `which` these bytes; 1 if they differ, -1 without memory."""
    cdef Block fresh
    cdef Block* block = <Block*>(<char*>table_row(table, row) + which)
    if block.count == size and memcmp(table_array(table, block), data, size) == 0:
        return 0
    if block_take(&table.arena, &fresh, size, 1) < 0:
        return -1
    memcpy(table_array(table, &fresh), data, size)
    block = <Block*>(<char*>table_row(table, row) + which)
    block_give(&table.arena, block)
    block[0] = fresh
    return 1


cdef inline int table_set_name(
    Table* table, uint32_t row, const char* name, uint32_t size
) noexcept nogil:
    """Give a guest its name, any bytes; 1 if it changed, -1 without memory."""
    cdef Row* r = table_row(table, row)
    cdef int changed = table_set_bytes(table, row, <char*>&r.name - <char*>r, name, size)
    if changed > 0:
        table_row(table, row).definition += 1
    return changed


cdef inline uint32_t table_upsert(
    Table* table, const uint8_t* uuid, const char* name, uint32_t size
) noexcept nogil:
    """The guest's row, made if there is none, under this name; NO_ROW without memory."""
    cdef uint32_t row = map_find(&table.map, uuid)
    if row == NO_ROW:
        row = new_row(table)
        if row == NO_ROW:
            return NO_ROW
        clear_row(table_row(table, row), uuid)
        if map_put(&table.map, uuid, row) < 0:
            free_row(table, row)
            return NO_ROW
        table.guests += 1
    if table_set_name(table, row, name, size) < 0:
        return NO_ROW
    return row


cdef inline void free_row(Table* table, uint32_t row) noexcept nogil:
    cdef Row* r = table_row(table, row)
    r.alive = 0
    r.valid = 0
    r.run = table.next_free
    table.next_free = row


cdef inline int table_retire(Table* table, const uint8_t* uuid) noexcept nogil:
    """Forget a guest; 0 if there was none. Its row serves another from now on."""
    cdef uint32_t row = map_find(&table.map, uuid)
    cdef Row* r
    if row == NO_ROW:
        return 0
    table_forget_run(table, row)
    r = table_row(table, row)
    block_give(&table.arena, &r.name)
    block_give(&table.arena, &r.texts)
    block_give(&table.arena, &r.disks)
    block_give(&table.arena, &r.interfaces)
    map_drop(&table.map, uuid)
    free_row(table, row)
    table.guests -= 1
    table.retired += 1
    return 1


cdef inline void table_set_state(
    Table* table, uint32_t row, int32_t state, int32_t reason, int32_t id
) noexcept nogil:
    """libvirt's numbers; an id of -1 is an inactive guest, another id another process."""
    cdef Row* r = table_row(table, row)
    if r.id != id:
        table_forget_run(table, row)
        if table.runs_fd >= 0:
            eventfd_write(table.runs_fd, 1)  # non-blocking: it never waits
    r.state = state
    r.reason = reason
    r.id = id


cdef inline void table_set_presence(Table* table, uint32_t row, uint8_t presence) noexcept nogil:
    table_row(table, row).presence = presence


cdef inline void table_count(Table* table, uint32_t row, int which) noexcept nogil:
    """One more event of this sort (Counted) for the guest."""
    table_row(table, row).counts[which] += 1


cdef inline void table_end_job(Table* table, uint32_t row, uint64_t now_ns) noexcept nogil:
    """The guest's job has ended."""
    cdef Row* r = table_row(table, row)
    if r.jobs.count:
        block_give(&table.arena, &r.jobs)
        r.shape += 1
    row_good(r, GROUP_JOB, now_ns)


cdef inline void table_mark_all_unknown(Table* table) noexcept nogil:
    """libvirt cannot be asked now: every guest's presence is unknown, none is gone."""
    cdef uint32_t row
    for row in range(table.rows):
        table_row(table, row).presence = PRESENCE_UNKNOWN


cdef inline void table_set_sequence(Table* table, int which, uint64_t sequence) noexcept nogil:
    """The table holds everything up to this number of the class."""
    table.sequences[which] = sequence
