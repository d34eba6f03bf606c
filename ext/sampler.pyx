"""The kernel sampler: passes over the active guests of the table, without the GIL.

Owns the descriptors of the roots and what it keeps of each guest (ext/watch.pxd); writes the
kernel's columns and nothing else. It never waits: no lock is held across a file that it reads.
Of guests' files only cpu.stat is kept open: each pins 4.4 KiB of kernel memory, and this is the one
whose opening costs most (5.9 us opened anew, 1.2 us kept).
"""

import os

from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from cgroup cimport HIERARCHIES, UNIFIED, is_cgroup2
from clock cimport monotonic_ns
from commit cimport commit, forget
from deaths cimport Deaths, deaths_add, open_pidfd, pidfd_ended
from links cimport Links, links_dump, links_free, links_init
from process cimport (
    DIR, PATH, closedir, guest_of, is_hidden, next_process, open_folder, read_pid_file,
)
from procstat cimport Stat
from quota cimport Child
from reading cimport (
    ALL as DEPTH_ALL,
    ENDED,
    FAST as DEPTH_FAST,
    PRESENT,
    SHOWN as DEPTH_SHOWN,
    Reading,
    VcpuReading,
    mark,
    read_guest,
    read_places,
    read_vcpus,
)
from rows cimport *
from table cimport *
from textfile cimport EACCES, ENOENT, EPERM, close, open_place
from watch cimport (
    IF_NAMESIZE,
    SCRATCH,
    Roots,
    Watch,
    watch_clear,
    watch_close,
    watch_groups,
    watch_stat,
    watch_taps,
    watch_threads,
)

cdef enum:
    SEARCH_SHARE = 100  # a look at every process of the host, and so many times as long without
    MOST_CHANGES = 256             # changes of a vCPU count told of after one pass


FAST, SHOWN, ALL = DEPTH_FAST, DEPTH_SHOWN, DEPTH_ALL


cdef class Sampler:
    """Samples the guests of a table from kernel files.

    ``proc``, ``run`` (where libvirt writes NAME.pid) and ``net`` (/sys/class/net) are directories;
    ``mounts`` gives each cgroup hierarchy's mount point ("unified", "cpuacct", "cpu", "memory").
    Pressure is read if ``pressure`` says that it is shown. ``deaths`` is a DeathWatch, or None.
    One thread at a time.
    """

    cdef object table_owner
    cdef object deaths_owner
    cdef Table* table
    cdef Deaths* deaths
    cdef Roots roots
    cdef Links links
    cdef Watch* watches
    cdef uint32_t watch_count
    cdef Reading reading
    cdef char* names               # taps' names, IF_NAMESIZE each
    cdef uint32_t name_room
    cdef uint32_t denied           # groups that lack permission, in the last pass over all
    cdef readonly uint32_t unresolved  # active guests whose process was not found
    cdef readonly bint cannot_tell  # of these, some whose pid file could not be read, likewise
    cdef readonly uint32_t barred  # these for want of permission, before all processes were searched
    cdef uint64_t search_ns        # not before then
    cdef bytes run                 # where libvirt writes NAME.pid
    cdef const char* run_path
    cdef int run_fd                # that folder, while processes are looked for
    cdef uint8_t changes[MOST_CHANGES][16]
    cdef uint32_t change_count
    cdef readonly uint64_t passes
    cdef readonly uint64_t memory_failures

    def __cinit__(self, table, deaths=None, *, str proc="/proc", str run="/run/libvirt/qemu",
                  str net="/sys/class/net", dict mounts, bint pressure=True):
        cdef int i
        self.roots.proc = self.roots.net = self.run_fd = -1
        for i in range(HIERARCHIES):
            self.roots.mount[i] = -1
        links_init(&self.links)
        self.table_owner = table
        self.table = <Table*><uintptr_t>table.address
        self.deaths_owner = deaths
        if deaths is not None:
            self.deaths = <Deaths*><uintptr_t>deaths.address
        self.reading.scratch = <char*>malloc(SCRATCH)
        if self.reading.scratch == NULL:
            raise MemoryError
        self.reading.roots = &self.roots
        self.reading.pressure_shown = pressure
        self.reading.page = os.sysconf("SC_PAGE_SIZE")
        self.reading.tick_ns = 1000000000 // os.sysconf("SC_CLK_TCK")
        self.roots.proc = folder(proc, True)
        self.run = os.fsencode(run)
        self.run_path = self.run
        self.roots.net = folder(net, False)
        for i, name in enumerate(("unified", "cpuacct", "cpu", "memory")):
            if mounts.get(name) is not None:
                self.roots.mount[i] = folder(mounts[name], False)
        self.roots.real = is_cgroup2(self.roots.mount[UNIFIED])

    def __dealloc__(self):
        cdef uint32_t i
        for i in range(self.watch_count):
            watch_clear(&self.watches[i])
        free(self.watches)
        free(self.names)
        free(self.reading.vcpus)
        free(self.reading.scratch)
        links_free(&self.links)
        for fd in (self.roots.proc, self.roots.net):
            if fd >= 0:
                close(fd)
        for i in range(HIERARCHIES):
            if self.roots.mount[i] >= 0:
                close(self.roots.mount[i])

    def sample(self, int depth=DEPTH_ALL):
        """One pass, as deep as FAST, SHOWN or ALL of this module. Returns its nanoseconds."""
        cdef uint64_t began = monotonic_ns()
        cdef uint32_t row
        with nogil:
            self.look_at_rows()
            links_dump(&self.links)
            if depth == DEPTH_ALL:
                self.denied = 0
            for row in range(self.watch_count):
                if self.watches[row].active and self.watches[row].pid and not self.watches[row].gone:
                    self.sample_row(row, depth)
        self.passes += 1
        return monotonic_ns() - began

    def discover(self):
        """Find the processes of guests that started, and read no counters."""
        with nogil:
            self.look_at_rows()

    def take_changes(self):
        """uuids of guests whose vCPU threads were found to be others in number than the table's."""
        found = [<bytes>(<const char*>self.changes[i])[:16] for i in range(self.change_count)]
        self.change_count = 0
        return found

    @property
    def denied_groups(self):
        """Numbers of the groups that a missing permission costs, as of the last pass over all."""
        return [g for g in range(GROUPS) if self.denied >> g & 1]

    @property
    def memory(self):
        """Bytes kept for guests between passes."""
        cdef uint64_t size = self.watch_count * sizeof(Watch)
        cdef uint32_t i
        for i in range(self.watch_count):
            size += self.watches[i].threads.room * sizeof(uint64_t)
            size += self.watches[i].tap_count * sizeof(uint64_t)
            size += self.watches[i].below.room * sizeof(Child)
            size += 128 if self.watches[i].groups != NULL else 0
        return size

    cdef void look_at_rows(self) noexcept nogil:
        """Take over what the dispatcher changed; find the processes of guests that started."""
        cdef uint32_t row = 0
        cdef uint32_t rows
        self.unresolved = self.barred = 0
        self.cannot_tell = False
        table_lock(self.table)
        rows = self.table.rows
        table_unlock(self.table)
        if rows > self.watch_count and self.more_watches(rows) < 0:
            self.memory_failures += 1
        for row in range(min(rows, self.watch_count)):
            self.look_at_row(row)
        if self.run_fd >= 0:
            close(self.run_fd)
            self.run_fd = -1
        if self.unresolved and self.cannot_tell:
            self.search()

    cdef int more_watches(self, uint32_t rows) noexcept nogil:
        cdef uint32_t room = rows + rows // 16
        cdef Watch* grown = <Watch*>realloc(self.watches, room * sizeof(Watch))
        if grown == NULL:
            return -1
        memset(grown + self.watch_count, 0, (room - self.watch_count) * sizeof(Watch))
        self.watches = grown
        self.watch_count = room
        return 0

    cdef void look_at_row(self, uint32_t row) noexcept nogil:
        cdef Watch* w = &self.watches[row]
        cdef char name[PATH]
        cdef uint8_t uuid[16]
        cdef uint32_t size = 0
        cdef uint32_t taps = 0
        cdef bint look
        cdef bint reshaped
        cdef Row* r
        table_lock(self.table)
        r = table_row(self.table, row)
        if r.life != w.life or r.run != w.run or not r.alive:
            watch_clear(w)
            w.life, w.run = r.life, r.run
        w.active = r.alive and r.id >= 0
        look = w.active and w.pid == 0
        if look:
            memcpy(uuid, r.uuid, 16)
            size = min(r.name.count, <uint32_t>PATH)
            memcpy(name, table_array(self.table, &r.name), size)
        reshaped = w.active and (r.shape != w.shape or w.tap_count != r.interfaces.count)
        if reshaped:
            w.shape = r.shape
            taps = self.copy_tap_names(r)
        table_unlock(self.table)
        if look:
            self.find_process(row, w, uuid, name, size)
        if reshaped:
            watch_taps(&self.roots, w, self.names, taps)

    cdef uint32_t copy_tap_names(self, const Row* r) noexcept nogil:
        """Their number; the lock is held."""
        cdef const Interface* nics = <const Interface*>table_array(self.table, &r.interfaces)
        cdef const char* texts = <const char*>table_array(self.table, &r.texts)
        cdef uint32_t i
        cdef char* names
        if r.interfaces.count > self.name_room:
            names = <char*>realloc(self.names, r.interfaces.count * IF_NAMESIZE)
            if names == NULL:
                self.memory_failures += 1
                return 0
            self.names = names
            self.name_room = r.interfaces.count
        for i in range(r.interfaces.count):
            names = self.names + i * IF_NAMESIZE
            memset(names, 0, IF_NAMESIZE)
            if nics[i].target.size < IF_NAMESIZE:
                memcpy(names, texts + nics[i].target.at, nics[i].target.size)
        return r.interfaces.count

    cdef void find_process(
        self, uint32_t row, Watch* w, const uint8_t* uuid, const char* name, uint32_t size
    ) noexcept nogil:
        cdef uint8_t said[16]
        cdef int error = 0
        cdef int is_guest
        cdef uint64_t pid
        # Libvirt makes the folder when it first starts, and another when that is taken away.
        if self.run_fd < 0:
            self.run_fd = open_place(self.run_path)
        pid = read_pid_file(self.run_fd, name, size, &error)
        if pid:
            is_guest = guest_of(self.roots.proc, pid, said, self.reading.scratch)
            if is_guest == 1 and memcmp(said, uuid, 16) == 0:
                self.adopt(w, uuid, pid)
                return
            error = -is_guest if is_guest < 0 else 0
            if error == ENOENT and is_hidden(pid):
                error = EPERM
        self.unresolved += 1
        self.barred += error in (EACCES, EPERM)
        if error:
            self.cannot_tell = True

    cdef void adopt(self, Watch* w, const uint8_t* uuid, uint64_t pid) noexcept nogil:
        """Take a process as the guest's, and everything that stays the same while it runs.

        Its pidfd is opened before it is looked at once more: while that one lives, whatever was
        read by the process's number is of no other process that got the number since.
        """
        cdef Stat stat
        cdef uint8_t said[16]
        cdef int pidfd = open_pidfd(<int>pid) if self.deaths != NULL else -1
        cdef bint is_it = guest_of(self.roots.proc, pid, said, self.reading.scratch) == 1 and (
            memcmp(said, uuid, 16) == 0)
        w.pid = pid
        if not is_it or watch_stat(&self.roots, w, &stat, self.reading.scratch) < 0 or (
                watch_groups(&self.roots, w, self.reading.scratch) < 0) or (
                pidfd >= 0 and pidfd_ended(pidfd)):
            w.pid = 0
            self.unresolved += 1
            if pidfd >= 0:
                close(pidfd)
            return
        w.start = stat.start
        w.thread_count = stat.threads
        watch_threads(&self.roots, w)
        w.found = True
        if pidfd >= 0:
            deaths_add(self.deaths, uuid, pid, pidfd)

    cdef void search(self) noexcept nogil:
        """Without pid files: look at every process for guests not found yet."""
        cdef uint8_t uuid[16]
        cdef uint64_t pid
        cdef uint32_t row
        cdef DIR* proc
        cdef uint64_t began = monotonic_ns()
        cdef uint64_t ended
        if began < self.search_ns:
            return
        proc = open_folder(self.roots.proc, b".")
        if proc == NULL:
            return
        pid = next_process(proc)
        while pid:
            if guest_of(self.roots.proc, pid, uuid, self.reading.scratch) == 1:
                table_lock(self.table)
                row = table_find(self.table, uuid)
                table_unlock(self.table)
                if row < self.watch_count and self.watches[row].active and (
                        self.watches[row].pid == 0):
                    self.adopt(&self.watches[row], uuid, pid)
                    self.unresolved -= 1
            pid = next_process(proc)
        closedir(proc)
        ended = monotonic_ns()
        self.search_ns = ended + SEARCH_SHARE * (ended - began)

    cdef bint vcpu_room(self, uint32_t count) noexcept nogil:
        cdef VcpuReading* grown
        if count > self.reading.vcpu_room:
            grown = <VcpuReading*>realloc(self.reading.vcpus, count * sizeof(VcpuReading))
            if grown == NULL:
                self.memory_failures += 1
                return False
            self.reading.vcpus = grown
            self.reading.vcpu_room = count
        return True

    cdef void sample_row(self, uint32_t row, int depth) noexcept nogil:
        cdef Watch* w = &self.watches[row]
        cdef Reading* r = &self.reading
        cdef uint64_t now = monotonic_ns()
        cdef int found = read_guest(r, w, depth)
        if found == ENDED:
            w.gone = True
            watch_close(w)
            forget(self.table, row, w)
            return
        if found == PRESENT:
            self.sample_vcpus(w, depth)
        if depth == DEPTH_ALL:
            self.denied |= r.denied
        if commit(self.table, row, w, r, &self.links, now, depth):
            self.note_change(row)

    cdef void sample_vcpus(self, Watch* w, int depth) noexcept nogil:
        """A thread that vanished meanwhile shows in reading it: then look again, once."""
        cdef Reading* r = &self.reading
        for _ in range(2):
            if not self.vcpu_room(w.threads.count):
                return
            if read_vcpus(r, w):
                if w.threads.count:
                    mark(r, GROUP_VCPU)
                if depth == DEPTH_ALL:
                    read_places(r, w)
                return
            r.threads_changed |= watch_threads(&self.roots, w)

    cdef void note_change(self, uint32_t row) noexcept nogil:
        """The guest has other vCPUs than its definition says: somebody should ask libvirt."""
        if self.change_count < MOST_CHANGES:
            table_lock(self.table)
            memcpy(self.changes[self.change_count], table_row(self.table, row).uuid, 16)
            table_unlock(self.table)
            self.change_count += 1


cdef int folder(str path, bint needed) except -2:
    """An open directory, -1 if there is none and none is needed."""
    try:
        return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        if needed:
            raise
        return -1
