"""The driver contract: what a driver is given, what it must do, and what holds it to that.

A driver is a class that an entry point names; configuration knows it by that short name alone. It
owns everything it needs, and sees of the agent only its context (docs/driver-api.md).
"""

from hostmon.driver.base import Driver
from hostmon.driver.capabilities import (
    Capabilities,
    FirewallCapabilities,
    Isolation,
    NoSettings,
    VifCapabilities,
    VirtCapabilities,
    VolumeCapabilities,
)
from hostmon.driver.context import AgentView, DriverContext
from hostmon.driver.versions import API_VERSION, OLDEST_API_VERSION

__all__ = [
    "API_VERSION",
    "OLDEST_API_VERSION",
    "AgentView",
    "Capabilities",
    "Driver",
    "DriverContext",
    "FirewallCapabilities",
    "Isolation",
    "NoSettings",
    "VifCapabilities",
    "VirtCapabilities",
    "VolumeCapabilities",
]
