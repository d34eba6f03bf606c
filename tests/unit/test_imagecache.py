"""The image cache's job: for whom it exists, and that nothing ends it."""

from typing import Any, ClassVar

import pytest

from hostmon._table import GuestTable
from hostmon.driver import VirtCapabilities
from hostmon.driver.sinks import Columns
from hostmon.driver.virt import ImageCacheReport, VirtContext
from hostmon.errors import DriverError
from hostmon.hypervisor import Hypervisor
from hostmon.imagecache import image_cache_of
from hostmon.own_metrics import image_cache_families
from hostmon.settings import AgentSettings, ConnectionSettings, Settings
from hostmon_drivers.virt_fake import FakeDriver, FakeSettings
from tests.agent_process import wait_for


class Caching(FakeDriver):
    """Declares a cache; ``answers`` are what its looks find, one after another."""

    capabilities = VirtCapabilities(has_imagecache=True)
    answers: ClassVar[list[Any]] = []

    def manage_image_cache(self) -> ImageCacheReport:
        answer = self.answers.pop(0) if self.answers else ImageCacheReport(used=("/a",))
        if isinstance(answer, Exception):
            raise answer
        return answer


class Silent(Caching):
    """Implements it and does not declare it."""

    capabilities = VirtCapabilities()


def hypervisor(kind: type[FakeDriver]) -> Hypervisor:
    return Hypervisor(
        "driver",
        kind,
        VirtContext(
            host="h",
            uri="fake:///",
            connection=ConnectionSettings(),
            settings=FakeSettings(),
            columns=Columns(GuestTable()),
        ),
    )


def every(seconds: float) -> Settings:
    return Settings(agent=AgentSettings(image_cache_interval=seconds))


def test_the_declaration_alone_decides_and_zero_switches_it_off() -> None:
    assert image_cache_of(hypervisor(FakeDriver), every(1)) is None
    assert image_cache_of(hypervisor(Silent), every(1)) is None
    assert image_cache_of(hypervisor(Caching), every(0)) is None
    assert image_cache_of(hypervisor(Caching), every(1)) is not None


def test_it_looks_again_whatever_a_look_came_to(caplog: pytest.LogCaptureFixture) -> None:
    Caching.answers[:] = [DriverError("no directory"), "a string", ZeroDivisionError("in a look")]
    job = image_cache_of(hypervisor(Caching), every(0.01))
    assert job is not None
    job.start()
    wait_for(lambda: job.report is not None)
    job.stop()
    assert job.report == ImageCacheReport(used=("/a",))
    assert (job.failures, job.looks >= 4) == (3, True)
    for text in ("no directory", "returned str", "raised ZeroDivisionError: in a look"):
        assert text in caplog.text


def test_what_the_looks_came_to_is_told_once_there_is_something() -> None:
    job = image_cache_of(hypervisor(Caching), every(0.01))
    assert job is not None
    assert job.status() is None
    found = ImageCacheReport(directory="/base", unused=("/base/b",), removed=("/base/c",))
    Caching.answers[:] = [found, found, DriverError("no directory"), found]
    job.start()
    wait_for(lambda: job.looks > 4 and not Caching.answers)
    job.stop()
    told = job.status()
    assert told is not None
    assert (told.removed, told.failures) == (3, 1), "of all looks"
    assert (told.used, told.unused) == (1, 0), "of the last one"
    families = {family.name: family for family in image_cache_families(told)}
    assert [s.value for s in families["hostmon_image_cache_files"].samples] == [1, 0]
    assert families["hostmon_image_cache_removed"].samples[0].value == 3
