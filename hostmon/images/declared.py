"""The disks that a guest's XML declares, as far as they lie in files or block devices of this host.

Left out: network disks (their servers account for them), empty drives, and what the guest cannot
write (a read-only disk does not grow).
"""

from hostmon.images.storage import Disk
from hostmon.xml.disk import Disk as Declared
from hostmon.xml.domain import Domain


def disks_of(uuid: bytes, domain: Domain) -> list[Disk]:
    """A guest's disks that may take room on this host; the XML tells no capacity.

    Of a pool's volume it tells the names of both, not even where the guest runs.
    """
    return [
        Disk(uuid, path, format_of(one), target=(one.target and one.target.dev) or "", pool=pool)
        for one in domain.disks
        if one.device in {None, "disk", "lun"} and not one.readonly
        for path, pool in [volume_of(one) or (path_of(one), "")]
        if path
    ]


def volume_of(disk: Declared) -> tuple[str, str] | None:
    """The names of a volume and of its pool; None for a disk that is none."""
    source = disk.source
    if disk.type != "volume" or source is None or not source.pool:
        return None
    return source.volume or "", source.pool


def path_of(disk: Declared) -> str | None:
    """Where a disk lies on this host, None if not there."""
    source = disk.source
    if source is None or disk.type not in {None, "file", "block"}:
        return None
    return source.dev if disk.type == "block" else source.file


def format_of(disk: Declared) -> str:
    """The format that the driver is told; without one libvirt takes raw, lest a guest choose it."""
    return (disk.driver and disk.driver.type) or "raw"
