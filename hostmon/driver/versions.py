"""Versions of the driver API: which there are, what went when, and how two sides agree on one.

A replaced name lives one version beside its successor; a driver of that version is told once.
"""

import msgspec

from hostmon.errors import DriverError

API_VERSION = 2
OLDEST_API_VERSION = 1


class Deprecation(msgspec.Struct, frozen=True):
    """``name`` is of API version ``last``; ``successor`` is there since the next one."""

    name: str
    successor: str
    last: int

    def __str__(self) -> str:
        return f"{self.name} is replaced by {self.successor}; API {self.last + 2} ends it"


DEPRECATIONS = (
    Deprecation("api_version", "api_versions", 1),
    Deprecation("capabilities.kind", "capabilities.topics", 1),
)


def negotiate(oldest: int, newest: int) -> int:
    """The newest version that both sides speak; raises DriverError where there is none."""
    version = min(newest, API_VERSION)
    if oldest > newest:
        raise DriverError(f"states API versions {oldest} to {newest}; give the older one first")
    if version < max(oldest, OLDEST_API_VERSION):
        side = "driver" if newest < OLDEST_API_VERSION else "hostmon"
        raise DriverError(
            f"speaks driver API {oldest} to {newest}, this hostmon {OLDEST_API_VERSION} to "
            f"{API_VERSION}; install a newer {side}"
        )
    return version
