"""The owner of the watched processes; the dispatcher polls ``fd`` and takes from ``address``."""

from libc.stdint cimport uint64_t, uintptr_t

from deaths cimport Death, Deaths, TAKE, deaths_add, deaths_free, deaths_init, deaths_take, open_pidfd


cdef class DeathWatch:
    """Tells of each watched process's end once, whoever was told of its beginning."""

    cdef Deaths deaths

    def __cinit__(self):
        if deaths_init(&self.deaths) < 0:
            raise OSError("no epoll descriptor: raise the limit on open files")

    def __dealloc__(self):
        deaths_free(&self.deaths)

    @property
    def address(self):
        """Where the Deaths (ext/deaths.pxd) lies; it lives as long as this."""
        return <uintptr_t>&self.deaths

    @property
    def fd(self):
        """Readable while an end waits to be taken."""
        return self.deaths.fd

    def __len__(self):
        return self.deaths.count

    def add(self, bytes uuid, uint64_t pid):
        """Watch a process; False if there is none of this pid, or it cannot be watched."""
        cdef int pidfd
        if len(uuid) != 16:
            raise ValueError(f"uuid of {len(uuid)} bytes: give its 16 raw bytes")
        pidfd = open_pidfd(<int>pid)
        return pidfd >= 0 and deaths_add(&self.deaths, uuid, pid, pidfd) == 0

    def take(self):
        """(uuid, pid) of some processes that have ended since the last call."""
        cdef Death out[TAKE]
        cdef int found = deaths_take(&self.deaths, out, TAKE)
        return [(<bytes>(<const char*>out[i].uuid)[:16], out[i].pid) for i in range(found)]
