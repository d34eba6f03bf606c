"""The weighers of this tree; a positive multiplier spreads guests over hosts, a negative stacks."""

from hostmon.scheduler.contract import Weigher
from hostmon.scheduler.request import PlacementRequest
from hostmon.scheduler.table import HostTable


class VcpusWeigher(Weigher):
    """Prefers room for vCPUs."""

    def weigh(self, hosts: HostTable, _request: PlacementRequest, multiplier: float) -> None:
        """By what a claim may have."""
        hosts.columns.prefer("vcpus", multiplier)


class MemoryWeigher(Weigher):
    """Prefers room for memory."""

    def weigh(self, hosts: HostTable, _request: PlacementRequest, multiplier: float) -> None:
        """By what a claim may have."""
        hosts.columns.prefer("memory", multiplier)


class DiskWeigher(Weigher):
    """Prefers room for disks."""

    def weigh(self, hosts: HostTable, _request: PlacementRequest, multiplier: float) -> None:
        """By what a claim may have."""
        hosts.columns.prefer("disk", multiplier)
