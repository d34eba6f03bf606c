"""libvirt's event callbacks in C: each translates one event into one record and returns.

No Python object, no log line, no RPC, no blocking: a callback that blocks stops every event of its
connection, and one that asks libvirt something waits for itself.
The record is encoded here, up to what only the dispatcher knows (its sequence). An event that comes
alone is dispatched here as well (ext/pipe.pxd): that waits for nothing but locks that are held while
memory is copied.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint8_t, uintptr_t

from draft cimport *
from kinds cimport *
from libvirt cimport *
from msgpack cimport Buffer, put_array, put_int, put_uint
from names cimport Names, names_load, put_name
from pipe cimport Pipe
from record cimport ABOUT_OBJECT

from hostmon import kinds

cdef list alive = []
cdef Names watchdog_actions, io_error_actions, graphics_phases, graphics_families
cdef Names block_job_types, block_job_statuses, disk_change_reasons, tray_change_reasons
cdef Names agent_states, agent_reasons, metadata_types
cdef Names memory_failure_recipients, memory_failure_actions, network_events, pool_events

names_load(&watchdog_actions, kinds.WATCHDOG_ACTIONS, alive)
names_load(&io_error_actions, kinds.IO_ERROR_ACTIONS, alive)
names_load(&graphics_phases, kinds.GRAPHICS_PHASES, alive)
names_load(&graphics_families, kinds.GRAPHICS_FAMILIES, alive)
names_load(&block_job_types, kinds.BLOCK_JOB_TYPES, alive)
names_load(&block_job_statuses, kinds.BLOCK_JOB_STATUSES, alive)
names_load(&disk_change_reasons, kinds.DISK_CHANGE_REASONS, alive)
names_load(&tray_change_reasons, kinds.TRAY_CHANGE_REASONS, alive)
names_load(&agent_states, kinds.AGENT_STATES, alive)
names_load(&agent_reasons, kinds.AGENT_REASONS, alive)
names_load(&metadata_types, kinds.METADATA_TYPES, alive)
names_load(&memory_failure_recipients, kinds.MEMORY_FAILURE_RECIPIENTS, alive)
names_load(&memory_failure_actions, kinds.MEMORY_FAILURE_ACTIONS, alive)
names_load(&network_events, kinds.NETWORK_EVENTS, alive)
names_load(&pool_events, kinds.POOL_EVENTS, alive)

include "domain_callbacks.pxi"
include "object_callbacks.pxi"

cdef void* domain_callbacks[27]
domain_callbacks[:] = [
    <void*>on_lifecycle, <void*>on_reboot, <void*>on_rtc_change, <void*>on_watchdog, NULL,
    <void*>on_graphics, <void*>on_io_error, <void*>on_control_error, NULL,
    <void*>on_disk_change, <void*>on_tray_change, <void*>on_pm_wakeup, <void*>on_pm_suspend,
    <void*>on_balloon_change, <void*>on_pm_suspend_disk, <void*>on_device_removed,
    <void*>on_block_job, <void*>on_tunable, <void*>on_agent_lifecycle, <void*>on_device_added,
    <void*>on_migration_iteration, <void*>on_job_completed, <void*>on_device_removal_failed,
    <void*>on_metadata_change, <void*>on_block_threshold, <void*>on_memory_failure,
    <void*>on_memory_device_size_change,
]


def address_of(int kind):
    """Where the C function lies that libvirt calls for a kind of domain event."""
    return <uintptr_t>domain_callbacks[kind]


cdef class Callbacks:
    """The callbacks registered on one connection; they write to ``pipe``.

    Keeps the connection and the pipe alive. Detach before closing the connection, then let the
    event loop turn once more before letting go of this object.
    """

    cdef virConnectPtr conn
    cdef object connection
    cdef object pipe
    cdef list domain_ids
    cdef list network_ids
    cdef list pool_ids
    cdef readonly str refusal  # why the last of what was refused was
    cdef readonly bint unreached  # whether something was, since another daemon did not answer

    def __init__(self, connection, pipe):
        self.connection = connection
        self.pipe = pipe
        self.conn = <virConnectPtr>PyCapsule_GetPointer(connection._o, "virConnectPtr")
        self.refusal = ""
        self.unreached = False
        self.domain_ids = []
        self.network_ids = []
        self.pool_ids = []

    def attach(self):
        """Register everything the connection's driver supports; returns the kinds it does not."""
        refused = []
        for event_id, kind in kinds.DOMAIN_KINDS.items():
            if not self.register_domain(event_id):
                refused.append(kind)
        if not self.register_network():
            refused.append("network")
        if not self.register_pool(VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, <void*>on_pool):
            refused.append("pool")
        if not self.register_pool(VIR_STORAGE_POOL_EVENT_ID_REFRESH, <void*>on_pool_refresh):
            refused.append("pool-refresh")
        return tuple(refused)

    cdef bint kept(self, int handle, list ids) except -1:
        """Keep what libvirt registered; where it refused to, False, and the reason."""
        cdef int code
        if handle >= 0:
            ids.append(handle)
            return True
        self.refusal = (<bytes>virGetLastErrorMessage()).decode(errors="replace")
        code = virGetLastErrorCode()
        if code == VIR_ERR_SYSTEM_ERROR or code == VIR_ERR_RPC or code == VIR_ERR_NO_CONNECT:
            self.unreached = True
        virResetLastError()
        return False

    cdef bint register_domain(self, int event_id) except -1:
        cdef uintptr_t opaque = self.pipe.address
        cdef int handle
        if event_id >= VIR_DOMAIN_EVENT_ID_LAST:
            return False
        with nogil:
            handle = virConnectDomainEventRegisterAny(
                self.conn, NULL, event_id,
                <virConnectDomainEventGenericCallback>domain_callbacks[event_id],
                <void*>opaque, NULL)
        return self.kept(handle, self.domain_ids)

    cdef bint register_network(self) except -1:
        cdef uintptr_t opaque = self.pipe.address
        cdef int handle
        with nogil:
            handle = virConnectNetworkEventRegisterAny(
                self.conn, NULL, VIR_NETWORK_EVENT_ID_LIFECYCLE,
                <virConnectNetworkEventGenericCallback><void*>on_network, <void*>opaque, NULL)
        return self.kept(handle, self.network_ids)

    cdef bint register_pool(self, int event_id, void* callback) except -1:
        cdef uintptr_t opaque = self.pipe.address
        cdef int handle
        with nogil:
            handle = virConnectStoragePoolEventRegisterAny(
                self.conn, NULL, event_id,
                <virConnectStoragePoolEventGenericCallback>callback, <void*>opaque, NULL)
        return self.kept(handle, self.pool_ids)

    @property
    def registered(self):
        """How many callbacks are registered now."""
        return len(self.domain_ids) + len(self.network_ids) + len(self.pool_ids)

    def detach(self):
        """Deregister everything; on a connection that is already dead this only forgets."""
        cdef int handle
        while self.domain_ids:
            handle = self.domain_ids.pop()
            with nogil:
                virConnectDomainEventDeregisterAny(self.conn, handle)
        while self.network_ids:
            handle = self.network_ids.pop()
            with nogil:
                virConnectNetworkEventDeregisterAny(self.conn, handle)
        while self.pool_ids:
            handle = self.pool_ids.pop()
            with nogil:
                virConnectStoragePoolEventDeregisterAny(self.conn, handle)
        virResetLastError()
