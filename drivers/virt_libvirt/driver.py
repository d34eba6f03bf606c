"""The driver itself: what it declares, its settings, and the connections it opens."""

import re
from typing import ClassVar

import msgspec

from hostmon.driver import VirtCapabilities
from hostmon.driver.sinks import EventSink
from hostmon.driver.virt import (
    ImageCacheReport,
    Reading,
    VirtConnection,
    VirtContext,
    VirtDriver,
)
from hostmon.images.cache import ImageCacheSettings
from hostmon_drivers.virt_libvirt.connection import LibvirtConnection
from hostmon_drivers.virt_libvirt.demo import Demo
from hostmon_drivers.virt_libvirt.imagecache import GuestsImages
from hostmon_drivers.virt_libvirt.readings import Cadences, kernel_readings, other_readings

LOCAL_QEMU = re.compile(r"qemu(\+unix)?:///")


class LibvirtSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``cadences`` are seconds between readings; ``demo`` makes guests of the test driver live.

    ``image_cache`` is the cache of base images: docs/image-cache.md.
    """

    cadences: Cadences = Cadences()
    demo: bool = False
    image_cache: ImageCacheSettings = ImageCacheSettings()


class LibvirtDriver(VirtDriver):
    """libvirt: QEMU guests of this host, and whatever else libvirt drives."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = LibvirtSettings
    capabilities = VirtCapabilities(has_imagecache=True)

    def __init__(self) -> None:
        self._demo: Demo | None = None
        self._written: dict[bytes, str] = {}

    def start(self, context: VirtContext) -> None:
        """Keep the context; make the demo's guests where they are wanted."""
        self._context = context
        self._settings: LibvirtSettings = context.settings
        self._images = GuestsImages(context.uri, self._settings.image_cache)
        if self._settings.demo:
            self._demo = Demo()
            self._demo.start()

    def connect(self, events: EventSink | None) -> VirtConnection:
        """A read-only connection."""
        return LibvirtConnection(
            self._context, events, kernel=self.is_local(), written=self._written
        )

    def is_local(self) -> bool:
        """Whether guests are processes of this machine: a local QEMU, system or session."""
        return LOCAL_QEMU.match(self._context.uri) is not None

    def readings(self) -> tuple[Reading, ...]:
        """Less of a local QEMU, whose processes tell the rest."""
        cadences = self._settings.cadences
        return kernel_readings(cadences) if self.is_local() else other_readings(cadences)

    def manage_image_cache(self) -> ImageCacheReport:
        """One look; without a directory in the settings there is nothing to look after."""
        return self._images.look()

    def stop(self) -> None:
        """End the demo; connections are their users'."""
        if self._demo is not None:
            self._demo.stop()
