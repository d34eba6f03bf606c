"""The guests of a snapshot of the guest table, as the request socket and drivers give them out."""

import uuid

from hostmon import kinds
from hostmon._table import Snapshot
from hostmon.status import GuestStatus


def guest_statuses(snapshot: Snapshot) -> tuple[GuestStatus, ...]:
    """Every guest of the snapshot; sizes that libvirt has not told yet are 0."""
    return tuple(guest_status(snapshot, key) for key in snapshot.uuids)


def guest_status(snapshot: Snapshot, key: bytes) -> GuestStatus:
    """One guest, by the 16 bytes of its uuid."""
    guest = snapshot.guest(key)
    return GuestStatus(
        uuid=str(uuid.UUID(bytes=key)),
        name=guest.name.decode(errors="replace"),
        id=guest.id,
        presence=guest.presence,
        state=kinds.name_of(kinds.STATES, guest.state),
        reason=guest.reason,
        vcpus=guest.sizes.vcpus or 0,
        memory=guest.sizes.memory or 0,
        memory_max=guest.sizes.memory_max or 0,
        cpu_time_ns=guest.cpu.time_ns or 0,
        persistent=guest.persistent,
        autostart=guest.autostart,
    )
