"""A reference scheduler over the subscriber's side of the bus: docs/scheduler.md.

``Scheduler`` places requests on the hosts it sees, by filters and weighers, with claims that each
host's own agent grants. Needs neither libvirt nor an agent's host; names of filters and weighers
are looked up by stevedore (the extra ``scheduler``).
"""

from hostmon.scheduler.contract import Filter, Weigher
from hostmon.scheduler.request import (
    LostPlacement,
    Placement,
    PlacementRequest,
    RefusedClaim,
)
from hostmon.scheduler.scheduler import Scheduler
from hostmon.scheduler.table import HostTable

__all__ = [
    "Filter",
    "HostTable",
    "LostPlacement",
    "Placement",
    "PlacementRequest",
    "RefusedClaim",
    "Scheduler",
    "Weigher",
]
