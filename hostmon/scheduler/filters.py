"""The filters of this tree; each drops the hosts that lack one thing."""

from hostmon.scheduler.contract import Filter
from hostmon.scheduler.request import PlacementRequest
from hostmon.scheduler.table import HostTable


class VcpusFilter(Filter):
    """Keeps hosts with room for the vCPUs."""

    def narrow(self, hosts: HostTable, request: PlacementRequest) -> None:
        """By what a claim may have."""
        hosts.columns.at_least("vcpus", request.vcpus)


class MemoryFilter(Filter):
    """Keeps hosts with room for the memory."""

    def narrow(self, hosts: HostTable, request: PlacementRequest) -> None:
        """By what a claim may have."""
        hosts.columns.at_least("memory", request.memory)


class DiskFilter(Filter):
    """Keeps hosts with room for the disk, where one is asked for."""

    def narrow(self, hosts: HostTable, request: PlacementRequest) -> None:
        """By what a claim may have: images may grow to their full size."""
        if request.disk:
            hosts.columns.at_least("disk", request.disk)


class HugepagesFilter(Filter):
    """Keeps hosts whose huge pages of the size have room for the memory."""

    def narrow(self, hosts: HostTable, request: PlacementRequest) -> None:
        """By what the size's pages hold beyond guests and claims."""
        if request.page_size:
            hosts.columns.at_least(f"pages:{request.page_size}", request.memory)


class TraitsFilter(Filter):
    """Keeps hosts that have every trait."""

    def narrow(self, hosts: HostTable, request: PlacementRequest) -> None:
        """By the account's traits."""
        try:
            wanted = list(hosts.bits_of(request.traits))
        except KeyError:  # no host has it
            hosts.columns.without(range(hosts.columns.rows))
            return
        for column, bits in wanted:
            hosts.columns.has_bits(column, bits)


class AntiAffinityFilter(Filter):
    """Drops hosts that hold a guest, or one of a group, that is to be kept apart."""

    def narrow(self, hosts: HostTable, request: PlacementRequest) -> None:
        """By the guests that views show, and by this scheduler's own placements."""
        for name in request.anti_affinity:
            hosts.columns.without(hosts.holds(name))
