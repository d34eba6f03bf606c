"""A hypervisor in memory: needs no libvirt, and does what a test or a script tells it."""

from hostmon_drivers.virt_fake.driver import FakeDriver, FakeSettings
from hostmon_drivers.virt_fake.world import World

__all__ = ["FakeDriver", "FakeSettings", "World"]
