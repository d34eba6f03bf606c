"""The disks that a guest's XML declares, as far as they lie in files or block devices of this host.

Left out: network disks and pool volumes (their servers account for them), empty drives, and what
the guest cannot write (a read-only disk does not grow).
"""

from hostmon.images.storage import Disk
from hostmon.xml.disk import Disk as Declared
from hostmon.xml.domain import Domain


def disks_of(uuid: bytes, domain: Domain) -> list[Disk]:
    """A guest's disks that may take room on this host; the XML tells no capacity."""
    return [
        Disk(uuid, path, format_of(one), target=(one.target and one.target.dev) or "")
        for one in domain.disks
        if one.device in {None, "disk", "lun"} and not one.readonly
        for path in [path_of(one)]
        if path
    ]


def path_of(disk: Declared) -> str | None:
    """Where a disk lies on this host, None if not there."""
    source = disk.source
    if source is None or disk.type not in {None, "file", "block"}:
        return None
    return source.dev if disk.type == "block" else source.file


def format_of(disk: Declared) -> str:
    """The format that the driver is told; without one libvirt takes raw, lest a guest choose it."""
    return (disk.driver and disk.driver.type) or "raw"
