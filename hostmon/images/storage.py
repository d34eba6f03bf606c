"""The host's storage as an account: filesystems that hold images, and what is least available.

Types and their arithmetic only. Sizes are bytes; docs/accounting.md gives formulas and sources.
"""

import msgspec


class Disk(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One disk of one guest, as its XML declares it.

    ``format`` is the driver's type, never what the content claims to be. ``capacity`` is the
    virtual size if libvirt has told it, for images that this process may not open; ``target`` is
    what the guest's definition calls the disk. With a ``pool`` the path is no path yet: it names
    one of its volumes.
    """

    guest: bytes
    path: str
    format: str = "raw"
    capacity: int | None = None
    target: str = ""
    pool: str = ""


class Image(msgspec.Struct, frozen=True, gc=False):
    """What was found of one disk.

    ``state`` is ok, missing, unreadable (no right, not an image, broken), hung, or unplaced: a
    volume of a pool that nobody knows, perhaps as yet, which is on no filesystem. ``allocated``,
    ``virtual`` and ``physical``, its length as the host sees it, are None where unknown, never 0.
    """

    disk: Disk
    state: str
    filesystem: str = ""
    allocated: int | None = None
    virtual: int | None = None
    block_device: bool = False
    layers: tuple[str, ...] = ()
    reason: str = ""
    physical: int | None = None

    @property
    def growth(self) -> int | None:
        """What the disk may still take of its filesystem, None if unknown.

        A block device takes nothing; an image holds at most its virtual size (its metadata, which
        may exceed it by a little, is not counted).
        """
        if self.block_device:
            return 0
        if self.virtual is None or self.allocated is None:
            return None
        return max(0, self.virtual - self.allocated)


class Filesystem(msgspec.Struct, frozen=True):
    """One filesystem that holds images; ``shared`` ones are seen, and filled, by other hosts too.

    ``growth`` and ``virtual`` sum the disks of which they are known; ``unknown`` counts those whose
    growth is not. Sizes are None where the filesystem does not answer, ``total`` if it never did.
    """

    path: str
    type: str = ""
    shared: bool = False
    total: int | None = None
    used: int | None = None
    available: int | None = None
    growth: int = 0
    virtual: int = 0
    images: int = 0
    unknown: int = 0

    @property
    def available_least(self) -> int | None:
        """What stays available when every disk here has grown to its full size, 0 at least.

        None while the growth of a disk is unknown: nobody may place guests on a guess.
        """
        if self.available is None or self.unknown:
            return None
        return max(0, self.available - self.growth)


class Storage(msgspec.Struct, frozen=True):
    """All of it. The totals count filesystems of this host only: shared ones are no one's own."""

    filesystems: tuple[Filesystem, ...] = ()
    images: tuple[Image, ...] = ()

    @property
    def local(self) -> tuple[Filesystem, ...]:
        """The filesystems that only this host fills."""
        return tuple(one for one in self.filesystems if not one.shared)

    @property
    def total(self) -> int:
        """The size of all local filesystems; of one that does not answer, what it was last."""
        return sum(one.total or 0 for one in self.local)

    @property
    def available_least(self) -> int | None:
        """The sum over local filesystems, None if there is none or one is unknown."""
        least = [one.available_least for one in self.local]
        known = [one for one in least if one is not None]
        return sum(known) if known and len(known) == len(least) else None

    def payers(self) -> dict[str, bytes]:
        """By path, of each disk that several guests share, the one with which it counts."""
        first: dict[str, bytes] = {}
        shared = {
            image.disk.path
            for image in self.images
            if first.setdefault(image.disk.path, image.disk.guest) != image.disk.guest
        }
        return {path: first[path] for path in shared}

    @property
    def hung(self) -> set[str]:
        """The paths of disks whose filesystem gave no answer."""
        return {image.disk.path for image in self.images if image.state == "hung"}

    def by_guest(self) -> dict[bytes, tuple[int, int] | None]:
        """What each guest's images occupy and may grow to, None while one is unknown.

        Of local filesystems, as the totals are; a disk that several guests share counts with the
        first of them, and a missing image takes nothing. For the ledger.
        """
        shared = {one.path for one in self.filesystems if one.shared}
        found: dict[bytes, tuple[int, int] | None] = {}
        counted: set[str] = set()
        for image in self.images:
            if image.block_device or image.state == "missing" or image.filesystem in shared:
                continue
            if image.disk.path in counted:
                continue
            counted.add(image.disk.path)
            sums = found.get(image.disk.guest, (0, 0))
            if sums is None or image.allocated is None or image.virtual is None:
                found[image.disk.guest] = None
            else:
                found[image.disk.guest] = sums[0] + image.allocated, sums[1] + image.virtual
        return found
