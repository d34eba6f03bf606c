"""What a filter and a weigher are: the contract of `hostmon.filters` and `hostmon.weighers`.

Both work on the selection of a whole fleet at once, by columns; they must not block, and what they
raise fails the request that they were asked about.
"""

from abc import ABC, abstractmethod

from hostmon.scheduler.request import PlacementRequest
from hostmon.scheduler.table import HostTable


class Filter(ABC):
    """Says which hosts a request may not go to."""

    @abstractmethod
    def narrow(self, hosts: HostTable, request: PlacementRequest) -> None:
        """Drop hosts from ``hosts.columns``: at_least, has_bits, without."""


class Weigher(ABC):
    """Says which of the hosts that are left suits a request better."""

    @abstractmethod
    def weigh(self, hosts: HostTable, request: PlacementRequest, multiplier: float) -> None:
        """Add to the scores of ``hosts.columns``: ``multiplier`` times 0 to 1 (prefer)."""
