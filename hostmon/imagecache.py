"""When the cache of base images is looked after: the job that asks a virt driver to, now and then.

What it does there is the driver's; a look that fails or breaks the contract is told, and the next
one comes all the same.
"""

import logging
import threading

from hostmon.driver.virt import ImageCacheReport
from hostmon.errors import HostmonError
from hostmon.hypervisor import Hypervisor
from hostmon.settings import Settings
from hostmon.status import ImageCacheStatus

log = logging.getLogger(__name__)

STOP_TIMEOUT = 1.0


class ImageCacheJob:
    """Calls ``manage_image_cache`` at once and then every ``interval`` seconds, in a thread."""

    def __init__(self, hypervisor: Hypervisor, interval: float) -> None:
        self._hypervisor = hypervisor
        self._interval = interval
        self.looks = self.failures = 0
        self._removed = 0
        self.report: ImageCacheReport | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="image cache", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a look under way is left behind after STOP_TIMEOUT seconds."""
        self._stop.set()
        self._thread.join(STOP_TIMEOUT)

    def status(self) -> ImageCacheStatus | None:
        """What the looks came to; None where there is nothing to look after, or no look yet."""
        report = self.report or ImageCacheReport()
        if not report.directory and not self.failures:
            return None
        return ImageCacheStatus(
            directory=report.directory,
            looks=self.looks,
            failures=self.failures,
            used=len(report.used),
            unused=len(report.unused),
            removed=self._removed,
            reported=len(report.reported),
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            self._look()
            self._stop.wait(self._interval)

    def _look(self) -> None:
        self.looks += 1
        try:
            self.report = self._hypervisor.manage_image_cache()
            self._removed += len(self.report.removed)
        except HostmonError as error:
            self.failures += 1
            log.error("the image cache was not looked after: %s", error)


def image_cache_of(hypervisor: Hypervisor, settings: Settings) -> ImageCacheJob | None:
    """The job; None for a driver without a cache, or where the interval is 0."""
    interval = settings.agent.image_cache_interval
    return ImageCacheJob(hypervisor, interval) if hypervisor.has_imagecache and interval else None
