"""Volumes that are image files of the host, on local or mounted storage."""

from hostmon.driver import VolumeCapabilities
from hostmon.points import FileVolume, Volume, VolumeDriver, disk_for
from hostmon.points.volume import refuse_type
from hostmon.xml.disk import Disk
from hostmon.xml.disksource import DiskSource


class FileVolumes(VolumeDriver):
    """Plugs image files, raw or of a format that QEMU knows."""

    api_versions = (2, 2)
    capabilities = VolumeCapabilities(types=("file",))

    def element(self, volume: Volume) -> Disk:
        """A disk of type file."""
        if not isinstance(volume, FileVolume):
            raise refuse_type(volume, self)
        return disk_for(volume, DiskSource(file=volume.path))
