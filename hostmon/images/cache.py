"""A directory of base images: which are in use, which are not for how long, and which may go.

Owns nothing but its memory of ages; the one thing it changes is to remove a file, and only one that
two looks at every guest's chains proved unused. In doubt it keeps and reports. A look may hang with
the storage: call it from a thread that nobody waits for.
"""

import logging
import os
import stat
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from hostmon.errors import ImageError
from hostmon.images import checksums, removal
from hostmon.images.ages import Ages, Memory
from hostmon.images.qemuimg import QemuImg
from hostmon.images.references import References
from hostmon.images.report import BaseImage, CacheReport
from hostmon.images.usage import Usage, used_by
from hostmon.machine.files import HERE, Roots
from hostmon.machine.mounts import mount_of, read_mounts

log = logging.getLogger(__name__)

DAY_S = 86400.0


class ImageCacheSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``directory`` holds base images and nothing else; empty: there is no cache.

    Without ``remove`` files are only reported. One goes when it is unused for ``min_age`` seconds
    and was not changed for as long. ``overlays`` are folders searched for overlays that belong to
    no guest now, and count as users. Every file is read once in ``verify_every`` seconds, 0: never.
    """

    directory: str = ""
    remove: bool = False
    min_age: float = DAY_S
    overlays: tuple[str, ...] = ()
    verify_every: float = 7 * DAY_S
    state: str = "/var/lib/hostmon/image-cache.json"

    def __post_init__(self) -> None:
        paths = {"directory": (self.directory,), "state": (self.state,), "overlays": self.overlays}
        for name, values in paths.items():
            for value in filter(None, values):
                if not value.startswith("/"):
                    raise ValueError(f"{name} = {value!r}: give an absolute path")
        for name, least in (("min_age", 60.0), ("verify_every", 0.0)):
            if not least <= getattr(self, name) <= 3650 * DAY_S:
                raise ValueError(f"{name} = {getattr(self, name)!r}: give {least:g} s to 10 years")


class ImageCache:
    """The cache; ``references`` tells, each time it is asked, what every guest refers to.

    ``references`` may raise, and must not leave a guest out; what it raises ends the look.
    """

    def __init__(
        self,
        settings: ImageCacheSettings,
        references: Callable[[], Iterable[References]],
        *,
        clock: Callable[[], float] = time.time,
        judge: QemuImg | None = None,
        roots: Roots = HERE,
    ) -> None:
        self._settings = settings
        self._references = references
        self._clock = clock
        self._judge = judge or QemuImg()
        self._roots = roots
        self._told: set[str] = set()

    def manage(self) -> CacheReport:
        """One look: ages, verifies, removes what may go; raises ImageError without a directory."""
        files = self._files()
        usage = self._usage()
        ages = Ages(Path(self._settings.state))
        now = self._clock()
        images = [self._judged(path, info, usage, ages, now) for path, info in files.items()]
        aged = {
            image.path
            for image in images
            if image.state == "unused" and image.age >= self._settings.min_age
        }
        if self._settings.remove and aged:
            # Whoever began to use one meanwhile is seen by a second look.
            again = self._usage()
            images = [
                self._removed(image, files[Path(image.path)], again)
                if image.path in aged
                else image
                for image in images
            ]
        report = CacheReport(tuple(images), usage.broken, usage.doubt)
        self._remember(ages, report)
        self._tell(report)
        return report

    def _files(self) -> dict[Path, os.stat_result]:
        """The regular files of the directory, but checksums."""
        folder = Path(self._settings.directory)
        try:
            found = {path: path.lstat() for path in sorted(folder.iterdir())}
        except OSError as error:
            raise ImageError(
                f"image cache {str(folder)!r}: {error.strerror}; give a directory of base images"
            ) from None
        return {
            path: info
            for path, info in found.items()
            if stat.S_ISREG(info.st_mode) and path.suffix != checksums.SUFFIX
        }

    def _usage(self) -> Usage:
        settings = self._settings
        guests = tuple(self._references())
        return used_by(guests, settings.overlays, settings.directory, self._judge)

    def _judged(
        self, path: Path, info: os.stat_result, usage: Usage, ages: Ages, now: float
    ) -> BaseImage:
        """What one file is, and how long it is unused."""
        memory = ages.of(path.name, info)
        users = usage.users((info.st_dev, info.st_ino), str(path))
        fault = self._verified(path, memory, now)
        image = BaseImage(path=str(path), size=info.st_size, users=users, fault=fault)
        if users or usage.doubt or info.st_nlink != 1:
            memory.unused_since = None
            reason = "" if users else usage.doubt or "it has another name somewhere (a hard link)"
            state = "used" if users else "unproved"
            return msgspec.structs.replace(image, state=state, reason=reason)
        changed = now - max(info.st_mtime, info.st_ctime)
        return msgspec.structs.replace(
            image, state="unused", age=max(0.0, min(ages.unused_for(memory, now), changed))
        )

    def _verified(self, path: Path, memory: Memory, now: float) -> str:
        """What is wrong with a file's content; read again when that was long ago."""
        every = self._settings.verify_every
        if not every or 0 <= now - memory.verified_at < every:
            return memory.fault
        try:
            memory.fault = checksums.verify(path, memory, now)
        except OSError as error:
            return f"can't be read: {error.strerror}"
        return memory.fault

    def _removed(self, image: BaseImage, proved: os.stat_result, again: Usage) -> BaseImage:
        """The image removed, or why it stays."""
        path = Path(image.path)
        users = again.users((proved.st_dev, proved.st_ino), image.path)
        if users or again.doubt:
            state = "used" if users else "unproved"
            return msgspec.structs.replace(image, state=state, users=users, reason=again.doubt)
        mount = mount_of(read_mounts(self._roots.proc / "mounts"), os.path.realpath(path))
        if mount is None or mount.shared:
            reason = "other hosts may use it: its filesystem is shared, or not known"
            return msgspec.structs.replace(image, reason=f"not removed: {reason}")
        try:
            removal.remove(path, proved)
        except ImageError as error:
            return msgspec.structs.replace(image, reason=str(error))
        path.with_name(path.name + checksums.SUFFIX).unlink(missing_ok=True)
        log.info("removed the base image %s, unused for %.0f s", path, image.age)
        return msgspec.structs.replace(image, state="removed")

    def _remember(self, ages: Ages, report: CacheReport) -> None:
        try:
            ages.save({Path(one.path).name for one in report.images if one.state != "removed"})
        except OSError as error:
            log.error("%s: %s; ages are not kept", self._settings.state, error.strerror)

    def _tell(self, report: CacheReport) -> None:
        """Log each trouble once, and again only after it was gone."""
        troubles = set(report.reported)
        for text in sorted(troubles - self._told):
            log.warning("image cache: %s", text)
        self._told = troubles
