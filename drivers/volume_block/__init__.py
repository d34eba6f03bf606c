"""Volumes that are block devices of the host: logical volumes, loop devices, multipath maps."""

import stat
from pathlib import Path

from hostmon.driver import VolumeCapabilities
from hostmon.errors import RequestRefusedError
from hostmon.guest import Guest
from hostmon.points import BlockVolume, Volume, VolumeDriver, disk_for
from hostmon.points.volume import refuse_type
from hostmon.xml.disk import Disk
from hostmon.xml.disksource import DiskSource


class BlockVolumes(VolumeDriver):
    """Plugs block devices."""

    api_versions = (2, 2)
    capabilities = VolumeCapabilities(types=("block",))

    def element(self, volume: Volume) -> Disk:
        """A disk of type block."""
        if not isinstance(volume, BlockVolume):
            raise refuse_type(volume, self)
        return disk_for(volume, DiskSource(dev=volume.path))

    def plug(self, guest: Guest, volume: Volume) -> Disk:
        """Refuses what is no block device: QEMU takes a file for one, and says so obscurely."""
        element = self.element(volume)
        path = Path(element.source.dev or "" if element.source else "")
        try:
            is_block = stat.S_ISBLK(path.stat().st_mode)
        except OSError as error:
            raise RequestRefusedError(
                f"volume {volume.target}: path = {str(path)!r}: {error.strerror}; "
                "give a block device that is there"
            ) from None
        if not is_block:
            raise RequestRefusedError(
                f"volume {volume.target}: path = {str(path)!r} is no block device; "
                "give one, or a volume of type file"
            )
        return super().plug(guest, volume)
