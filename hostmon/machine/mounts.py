"""Mounted filesystems from /proc/mounts, and which of them other hosts see too.

Source: proc(5) and getmntent(3) (octal escapes); the list of shared types is that by which libvirt
decides whether a migration may leave a disk where it is (virFileIsSharedFS).
"""

import os
import re
from pathlib import Path

import msgspec

from hostmon.machine.files import read_text

SHARED = frozenset(
    {
        "acfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.quobyte",
        "gfs",
        "gfs2",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "ocfs2",
        "pvfs2",
        "smb2",
        "smb3",
    }
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(msgspec.Struct, frozen=True):
    """One mounted filesystem."""

    source: str
    path: str
    type: str

    @property
    def shared(self) -> bool:
        """Whether other hosts can mount the same files."""
        return self.type in SHARED

    @property
    def room(self) -> str | None:
        """What it takes its room from, where others with another st_dev take it from the same.

        Each subvolume of btrfs and each dataset of ZFS has a device number of its own (stat(2)).
        """
        if self.type == "btrfs":
            return self.source
        return self.source.partition("/")[0] if self.type == "zfs" else None


def read_mounts(path: Path) -> tuple[Mount, ...]:
    """Every mount, in the order of mounting; lines that are none are passed over."""
    rows = (line.split() for line in (read_text(path) or "").splitlines())
    return tuple(Mount(*map(_unescape, row[:3])) for row in rows if len(row) >= 3)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def mount_of(mounts: tuple[Mount, ...], path: str) -> Mount | None:
    """The mount that holds a path, by its text alone: nothing that may hang is touched.

    Of mounts on one another the last counts.
    """
    path = os.path.normpath(path)
    best = None
    for mount in mounts:
        inside = path == mount.path or path.startswith(mount.path.rstrip("/") + "/")
        if inside and (best is None or len(mount.path) >= len(best.path)):
            best = mount
    return best
