"""Claims on a ledger's host, for Python: granted, released, expired, looked up.

Every method is one change under the ledger's lock (ext/granting.pxd decides); any thread may call.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from granting cimport Room, ledger_grant, ledger_unsized
from grants cimport (
    GRANT_CONFIRMED,
    GRANT_EXPIRED,
    GRANT_GRANTED,
    GRANT_RELEASED,
    PART_DISK,
    PART_PAGES,
    PART_SIZES,
    Grant,
    grant_end,
    grant_of,
    grants_expire,
)
from ledger cimport LedgerState, ledger_lock, ledger_unlock

# A name for annotations: hostmon/_grants.pyi says what it holds.
GrantFields = tuple


cdef const uint8_t* identity(bytes uuid) except NULL:
    if len(uuid) != 16:
        raise ValueError(f"uuid {uuid!r} has {len(uuid)} bytes: give the 16 of a UUID")
    return <const uint8_t*><const char*>uuid


cdef class Grants:
    """The grants of one ledger, which it keeps alive."""

    cdef object owner
    cdef LedgerState* state

    def __cinit__(self, ledger):
        self.owner = ledger
        self.state = <LedgerState*><uintptr_t>ledger.address

    def grant(
        self, bytes key not None, guest, uint32_t vcpus, uint64_t memory, uint64_t disk, int pool,
        uint64_t expires_ns, uint64_t now_ns, room not None, uint64_t owner=0,
    ):
        """Grant the claim of this id: 0, or the number of what there is too little of; what is free.

        ``guest`` is the uuid of the guest to be or None, ``pool`` -1 for pages that the host lacks,
        ``room`` total and capacity of vCPUs, memory and disk, and the bytes of the pool. The id
        must be new; what is over by ``now_ns`` ends before. An ``owner`` but 0 may hold a share only.
        """
        cdef Grant wanted
        cdef Room there
        cdef int64_t left = 0
        cdef int result
        if not -1 <= pool < self.state.pools:
            raise ValueError(f"pool {pool}: this host has no such pages")
        memset(&wanted, 0, sizeof(Grant))
        memcpy(wanted.id, identity(key), 16)
        if guest is not None:
            wanted.named = 1
            memcpy(wanted.guest, identity(guest), 16)
        wanted.vcpus, wanted.memory, wanted.disk, wanted.pool = vcpus, memory, disk, pool
        wanted.expires_ns = expires_ns
        wanted.owner = owner
        wanted.parts = PART_SIZES | (PART_PAGES if pool > 0 else 0) | (PART_DISK if disk else 0)
        there.vcpus_total, there.vcpus_capacity = room[0], room[1]
        there.memory_total, there.memory_capacity = room[2], room[3]
        there.disk_total, there.disk_capacity, there.pages = room[4], room[5], room[6]
        ledger_lock(self.state)
        grants_expire(&self.state.grants, &self.state.sums, now_ns)
        if grant_of(&self.state.grants, &self.state.grants.ids, wanted.id) != NULL:
            result = -2
        else:
            result = ledger_grant(self.state, &wanted, &there, &left)
        ledger_unlock(self.state)
        if result == -2:
            raise ValueError(f"claim {key.hex()} was granted before")
        if result < 0:
            raise MemoryError
        return result, left

    def release(self, bytes key not None):
        """End a grant that is not confirmed; False if there is none to end."""
        cdef const uint8_t* id = identity(key)
        cdef int ended = 0
        ledger_lock(self.state)
        cdef Grant* grant = grant_of(&self.state.grants, &self.state.grants.ids, id)
        if grant != NULL and grant.state == GRANT_GRANTED:
            grant_end(&self.state.grants, &self.state.sums, grant, GRANT_RELEASED)
            ended = 1
        ledger_unlock(self.state)
        return bool(ended)

    def expire(self, uint64_t now_ns):
        """End every grant whose time is over."""
        ledger_lock(self.state)
        grants_expire(&self.state.grants, &self.state.sums, now_ns)
        ledger_unlock(self.state)

    def granted(self, bytes key not None):
        """A claim's grant as in the stub's ``GrantFields``, None for one that is not known."""
        cdef const uint8_t* id = identity(key)
        cdef Grant copy
        ledger_lock(self.state)
        cdef const Grant* grant = grant_of(&self.state.grants, &self.state.grants.ids, id)
        if grant != NULL:
            copy = grant[0]
        ledger_unlock(self.state)
        if grant == NULL:
            return None
        return (
            copy.state, copy.guest[:16] if copy.named else None, copy.vcpus, copy.memory,
            copy.disk, copy.pool, copy.expires_ns,
        )

    @property
    def unsized(self):
        """Guests that run, of a size that nobody has told and no grant holds room for."""
        ledger_lock(self.state)
        cdef uint64_t unsized = ledger_unsized(self.state)
        ledger_unlock(self.state)
        return unsized

    @property
    def counts(self):
        """Since the start: granted, confirmed, expired, released, refused."""
        ledger_lock(self.state)
        cdef uint64_t granted = self.state.grants.counts[GRANT_GRANTED]
        cdef uint64_t confirmed = self.state.grants.counts[GRANT_CONFIRMED]
        cdef uint64_t expired = self.state.grants.counts[GRANT_EXPIRED]
        cdef uint64_t released = self.state.grants.counts[GRANT_RELEASED]
        cdef uint64_t refused = self.state.grants.refused
        ledger_unlock(self.state)
        return granted, confirmed, expired, released, refused

    def pages(self):
        """Bytes of each pool that grants hold."""
        cdef size_t size = self.state.pools * sizeof(uint64_t)
        cdef uint64_t* copy = <uint64_t*>malloc(size)
        if copy == NULL:
            raise MemoryError
        ledger_lock(self.state)
        memcpy(copy, self.state.grants.pages, size)
        ledger_unlock(self.state)
        try:
            return tuple([copy[pool] for pool in range(self.state.pools)])
        finally:
            free(copy)
