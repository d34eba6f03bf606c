"""The faults themselves, each registered under its name (tests/fault/registry.py)."""

from tests.fault.injected import events, guests, libvirtd
from tests.fault.registry import FAULTS

__all__ = ["FAULTS", "events", "guests", "libvirtd"]
