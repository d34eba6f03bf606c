"""The cache of base images of libvirt's guests: one look, through a connection of its own.

Only with the system's libvirt of this machine: another host's guests, or one user's alone, prove
nothing about the files here.
"""

import re

from hostmon.driver.virt import ImageCacheReport
from hostmon.errors import DriverError, ImageError
from hostmon.host import Host
from hostmon.images.cache import ImageCache, ImageCacheSettings
from hostmon.images.references import References

SYSTEM_QEMU = re.compile(r"qemu(\+unix)?:///system(\?.*)?")


class GuestsImages:
    """Looks after the directory that the settings name; without one does nothing."""

    def __init__(self, uri: str, settings: ImageCacheSettings) -> None:
        self._uri = uri
        self._settings = settings
        self._cache = ImageCache(settings, self._references)

    def look(self) -> ImageCacheReport:
        """Once; raises DriverError, HypervisorError. Blocks for as long as storage does."""
        if not self._settings.directory:
            return ImageCacheReport()
        if not SYSTEM_QEMU.fullmatch(self._uri):
            raise DriverError(
                f"image_cache.directory = {self._settings.directory!r}: {self._uri} does not know "
                "all guests of this host; use qemu:///system, or set it to ''"
            )
        try:
            report = self._cache.manage()
        except ImageError as error:
            raise DriverError(str(error)) from None
        return ImageCacheReport(
            directory=self._settings.directory,
            used=report.paths("used"),
            unused=report.paths("unused"),
            removed=report.paths("removed"),
            reported=report.reported,
        )

    def _references(self) -> list[References]:
        with Host(self._uri) as host:
            return host.image_references()
