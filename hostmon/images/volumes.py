"""Volumes of storage pools: where one lies that a disk names by its pool, if it is a file here.

Knows nothing of libvirt: what pools there are, and where, is given by the caller.
"""

from collections.abc import Mapping

import msgspec

from hostmon.images.storage import Disk

FILES = frozenset({"dir", "fs", "netfs", "vstorage"})
"""The types of pool whose volumes are files in the pool's folder.

Of all others they are block devices or a server's, which take no room of a filesystem here.
Source: libvirt's storage drivers, https://libvirt.org/storage.html.
"""

Folders = Mapping[str, str]
"""By pool, the folder of its volumes; empty where they are no files, absent where nobody knows."""


def folder_of(type_: str, path: str) -> str | None:
    """A pool's folder, by its type and its target's path: as in ``Folders``, None for absent."""
    if type_ in FILES:
        return path or None
    return "" if type_ else None


def placed(disk: Disk, folders: Folders) -> Disk | None:
    """The disk with its volume's path; None if that takes no room of a filesystem here.

    One of a pool that nobody knows keeps its pool, and is called by it and its own name.
    """
    if not disk.pool:
        return disk
    folder = folders.get(disk.pool)
    if folder is None:
        return msgspec.structs.replace(disk, path=f"{disk.pool}/{disk.path}")
    return msgspec.structs.replace(disk, path=f"{folder}/{disk.path}", pool="") if folder else None
