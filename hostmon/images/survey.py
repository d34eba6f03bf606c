"""All disks of a host looked at, without ever waiting for a filesystem that hangs.

Owns the disposable threads: each filesystem is looked at by a thread of its own, which is left
behind when it gives no answer. While such a thread is stuck its filesystem is not asked again, so
there is at most one a filesystem. Call from one thread, never from one that others wait for.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from hostmon.images.inspect import inspect
from hostmon.images.storage import Disk, Filesystem, Image, Storage
from hostmon.machine.files import HERE, Roots
from hostmon.machine.mounts import Mount, mount_of, read_mounts

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
IMAGE_FOLDER = "/var/lib/libvirt/images"
MISSING = "it is left out of the disk account"
UNKNOWN = (
    "its guest counts as when it was last known, and unless its filesystem is shared "
    "no claim for storage is granted"
)
"""What a disk's state means to the account."""


class Space(msgspec.Struct, frozen=True):
    """What statvfs tells of a filesystem, None where it fails.

    ``available`` is None too where the others are what it told last.
    """

    path: str
    device: int | None = None
    total: int | None = None
    used: int | None = None
    available: int | None = None


Answers: TypeAlias = "queue.SimpleQueue[Space | Image | None]"


class Survey:
    """Looks at disks again and again, and remembers what it has warned of and what is stuck."""

    def __init__(
        self,
        roots: Roots = HERE,
        folders: Sequence[str] = (IMAGE_FOLDER,),
        patience_s: float = PATIENCE_S,
        look: Callable[[Disk, str], Image] = inspect,
    ) -> None:
        self._roots = roots
        self._folders = folders
        self._patience_s = patience_s
        self._look = look
        self._stuck: dict[str, threading.Thread] = {}
        self._known: dict[str, dict[str, Space]] = {}
        self._warned: dict[str, str] = {}
        self._unplaced: set[str] = set()

    def run(self, disks: Iterable[Disk]) -> Storage:
        """What all these disks and their filesystems are like now.

        Waits at most the patience for each answer, and once for each filesystem that newly hangs.
        """
        mounts = read_mounts(self._roots.proc / "mounts")
        groups: dict[str, tuple[list[str], list[Disk]]] = {}
        for folder in self._folders:
            groups.setdefault(_home(mounts, folder).path, ([], []))[0].append(folder)
        visits: dict[str, dict[str, Space]] = {}
        images: list[Image] = []
        for disk in disks:
            if disk.pool:
                reason = f"no storage pool {disk.pool!r} is known"
                images.append(Image(disk, "unplaced", reason=reason))
            else:
                groups.setdefault(_home(mounts, disk.path).path, ([], []))[1].append(disk)
        for path, (folders, group) in groups.items():
            answers = self._visit(path, folders, group, mounts)
            images += [one for one in answers if isinstance(one, Image)]
            told = {one.path: one for one in answers if isinstance(one, Space)}
            visits[path] = self._recall(path, told)
        self._known = visits
        spaces = _best(visits.values())
        self._warn(images)
        spaces, images = _once_each(mounts, spaces, images)
        paths = dict.fromkeys([*spaces, *(image.filesystem for image in images)])
        return Storage(
            tuple(
                _filesystem(
                    _home(mounts, path) if path else Mount("", "", ""),
                    spaces.get(path, Space(path)),
                    [image for image in images if image.filesystem == path],
                )
                for path in paths
            ),
            tuple(images),
        )

    def _visit(
        self, path: str, folders: list[str], disks: list[Disk], mounts: tuple[Mount, ...]
    ) -> list[Space | Image]:
        """What one filesystem answers: its space, and an image a disk, in their order."""
        answers: Answers = queue.SimpleQueue()
        got: list[Space | Image] = []
        if path in self._stuck and not self._stuck[path].is_alive():
            del self._stuck[path]
        if path not in self._stuck:
            thread = threading.Thread(
                target=self._work,
                args=(folders, disks, mounts, answers),
                name=f"survey {path}",
                daemon=True,
            )
            thread.start()
            try:
                while (answer := answers.get(timeout=self._patience_s)) is not None:
                    got.append(answer)
            except queue.Empty:
                self._stuck[path] = thread
        done = sum(isinstance(one, Image) for one in got)
        hung = [
            Image(disk, "hung", path, reason="its filesystem gives no answer")
            for disk in disks[done:]
        ]
        return got + hung

    def _recall(self, visit: str, told: dict[str, Space]) -> dict[str, Space]:
        """What a visit told; a filesystem that gave no answer keeps the size that it had."""
        known = self._known.get(visit, {})
        lacking = {path for path, space in told.items() if space.total is None}
        if visit in self._stuck:
            lacking |= known.keys() - told.keys()
        sizes = {
            path: msgspec.structs.replace(known[path], available=None)
            for path in lacking & known.keys()
        }
        return told | sizes

    def _work(
        self, folders: list[str], disks: list[Disk], mounts: tuple[Mount, ...], answers: Answers
    ) -> None:
        """In the disposable thread: links are followed here, since that may hang too."""
        asked: set[str] = set()

        def home(path: str) -> str:
            found = _home(mounts, os.path.realpath(path)).path
            if found not in asked:
                asked.add(found)
                answers.put(_space(found))
            return found

        for folder in folders:
            home(folder)
        for disk in disks:
            try:
                answers.put(self._look(disk, home(disk.path)))
            except ValueError as error:
                answers.put(Image(disk, "unreadable", reason=str(error)))
        answers.put(None)

    def _warn(self, images: list[Image]) -> None:
        """Say once what is wrong with a disk, and again only after it was well or differs.

        Of a disk without a place only at the second look: its pool may be told a moment later.
        """
        wrong = {image.disk.path: image for image in images if image.state != "ok"}
        unplaced = {path for path, image in wrong.items() if image.state == "unplaced"}
        for path in unplaced - self._unplaced:
            del wrong[path]
        self._unplaced = unplaced
        for path, image in wrong.items():
            if self._warned.get(path) != image.state:
                log.warning(
                    "disk %s is %s (%s): %s; repair it, or undefine its guest",
                    path,
                    image.state,
                    image.reason,
                    MISSING if image.state == "missing" else UNKNOWN,
                )
        self._warned = {path: image.state for path, image in wrong.items()}


def _home(mounts: tuple[Mount, ...], path: str) -> Mount:
    """The filesystem of a path; the root where /proc/mounts does not tell."""
    return mount_of(mounts, path) or Mount("", "/", "")


def _space(path: str) -> Space:
    try:
        found, device = os.statvfs(path), Path(path).stat().st_dev
    except OSError:
        return Space(path)
    return Space(
        path,
        device=device,
        total=found.f_blocks * found.f_frsize,
        used=(found.f_blocks - found.f_bfree) * found.f_frsize,
        available=found.f_bavail * found.f_frsize,
    )


def _best(visits: Iterable[dict[str, Space]]) -> dict[str, Space]:
    """All filesystems, each as whoever had an answer of it found it; links lead several there."""
    found: dict[str, Space] = {}
    for told in visits:
        for path, space in told.items():
            if path not in found or found[path].available is None:
                found[path] = space
    return found


def _once_each(
    mounts: tuple[Mount, ...], spaces: dict[str, Space], images: list[Image]
) -> tuple[dict[str, Space], list[Image]]:
    """What takes its room from one place counts once, at the first path of all that do."""
    alike: dict[tuple[str, object], list[Space]] = {}
    for path, space in spaces.items():
        mount = _home(mounts, path)
        key = (mount.type, mount.room) if mount.room else (mount.source, space.device)
        alike.setdefault(key, []).append(space)
    place = {space.path: same[0].path for same in alike.values() for space in same}
    return (
        {same[0].path: _together(same, _home(mounts, same[0].path)) for same in alike.values()},
        [
            image
            if (path := place.get(image.filesystem, image.filesystem)) == image.filesystem
            else msgspec.structs.replace(image, filesystem=path)
            for image in images
        ],
    )


def _together(same: list[Space], mount: Mount) -> Space:
    """All of one place: as any told it that answers; a pool's datasets add up.

    Of a dataset, statvfs tells what it refers to itself and what the whole pool has left.
    """
    best = next((space for space in same if space.available is not None), same[0])
    sized = {space.device: space for space in same if space.total is not None}.values()
    if mount.type == "zfs" and sized:
        used = sum(space.used or 0 for space in sized)
        left = max((space.total or 0) - (space.used or 0) for space in sized)
        told = [space.available for space in same if space.available is not None]
        best = Space("", None, used + left, used, max(told, default=None))
    return msgspec.structs.replace(best, path=same[0].path)


def _filesystem(mount: Mount, space: Space, images: list[Image]) -> Filesystem:
    """Sum up: a disk that several guests share grows once, a missing one not at all."""
    by_path = {image.disk.path: image for image in images if image.state != "missing"}
    growths = [image.growth for image in by_path.values()]
    return Filesystem(
        path=mount.path,
        type=mount.type,
        shared=mount.shared,
        total=space.total,
        used=None if space.available is None else space.used,
        available=space.available,
        growth=sum(growth for growth in growths if growth is not None),
        virtual=sum(one.virtual or 0 for one in by_path.values() if not one.block_device),
        images=len(by_path),
        unknown=growths.count(None),
    )
