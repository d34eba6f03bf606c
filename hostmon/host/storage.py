"""The host's storage: pools, volumes, and how much disk is left at least."""

import uuid as uuidlib
from contextlib import suppress

import libvirt
import msgspec

from hostmon.errors import GuestNotFoundError, HostmonError, LibvirtError
from hostmon.host.guests import HostGuests
from hostmon.host.objects import HostObject, described, look_up
from hostmon.images.declared import disks_of
from hostmon.images.references import References, references_of
from hostmon.images.storage import Disk, Storage
from hostmon.images.survey import Survey
from hostmon.images.volumes import folder_of, placed
from hostmon.libvirt_errors import translated
from hostmon.xml.pool import StoragePool
from hostmon.xml.volume import Volume


class Space(msgspec.Struct, frozen=True):
    """A pool's bytes, as of when libvirt last looked; ``state`` is libvirt's number.

    Source: virStoragePoolGetInfo.
    """

    capacity: int
    allocation: int
    available: int
    state: int = 0


class HostStorage(HostGuests):
    """The part of Host that is about storage. UnsupportedError where the driver has no pools."""

    @translated("storage pools")
    def pools(self) -> tuple[HostObject, ...]:
        """The storage pools, active or not."""
        return tuple(described(pool) for pool in self.connection.listAllStoragePools(0))

    @translated("storage pool")
    def pool(self, name: str | uuidlib.UUID) -> StoragePool:
        """A pool's description; raises ObjectNotFoundError."""
        return StoragePool.parse(self._pool(name).XMLDesc(0))

    @translated("storage pool")
    def pool_space(self, name: str | uuidlib.UUID) -> Space:
        """A pool's sizes; raises ObjectNotFoundError."""
        state, capacity, allocation, available = self._pool(name).info()
        return Space(capacity, allocation, available, state)

    def _pool(self, name: str | uuidlib.UUID) -> libvirt.virStoragePool:
        connection = self.connection
        return look_up(name, connection.storagePoolLookupByName, connection.storagePoolLookupByUUID)

    @translated("volumes")
    def volumes(self, pool: str | uuidlib.UUID) -> tuple[Volume, ...]:
        """An active pool's volumes; raises ObjectNotFoundError, GuestStateError when inactive."""
        return tuple(Volume.parse(one.XMLDesc(0)) for one in self._pool(pool).listAllVolumes(0))

    @translated("volume")
    def volume(self, pool: str | uuidlib.UUID, name: str) -> Volume:
        """A volume by its name; raises ObjectNotFoundError."""
        return Volume.parse(self._pool(pool).storageVolLookupByName(name).XMLDesc(0))

    @translated("volume")
    def volume_at(self, path: str) -> Volume:
        """The volume of any active pool that lies at this path; raises ObjectNotFoundError."""
        return Volume.parse(self.connection.storageVolLookupByPath(path).XMLDesc(0))

    def disks(self) -> list[Disk]:
        """Every disk of every guest that may take room on this host, as their XML declares them.

        The definition of the next start counts for a guest that is off, the running one otherwise.
        """
        found: list[Disk] = []
        for guest in self.list_guests():
            with suppress(GuestNotFoundError):
                found += disks_of(guest.uuid.bytes, guest.domain())
        folders: dict[str, str] = {}
        for name in {disk.pool for disk in found if disk.pool}:
            with suppress(HostmonError):
                pool = self.pool(name)
                folder = folder_of(pool.type or "", (pool.target and pool.target.path) or "")
                folders |= {} if folder is None else {name: folder}
        return [one for disk in found if (one := placed(disk, folders)) is not None]

    def image_references(self) -> list[References]:
        """What every guest refers to of this host's files, now and at its next start.

        Raises GuestNotFoundError for a guest that vanished meanwhile: ask again, since a list with
        a hole proves nothing.
        """
        return [
            references_of(guest.domain(inactive=inactive), self._volume_path)
            for guest in self.list_guests()
            for inactive in ((False, True) if guest.is_active() else (False,))
        ]

    def _volume_path(self, pool: str, name: str) -> str | None:
        """Where a pool's volume lies on this host, None where libvirt does not tell."""
        with suppress(LibvirtError):
            target = self.volume(pool, name).target
            return target.path if target else None
        return None

    def storage(self, survey: Survey | None = None) -> Storage:
        """The host's disk account: filesystems with images, and what their disks may still take.

        Looks at this machine's files, so only for a connection to this machine. Give the same
        survey again and again: it remembers which filesystem hangs, and waits for none twice.
        """
        return (survey or Survey()).run(self.disks())

    def disk_available_least(self, survey: Survey | None = None) -> int | None:
        """What stays available when every disk has grown to its full size, 0 at least.

        None while that is unknown: a disk's growth is, or there is no filesystem of this host only.
        """
        return self.storage(survey).available_least
