"""The decision: which host suits a request best. No socket, no clock.

Owns the order: filters narrow the selection one after the other, then weighers score what is left.
"""

import random
from collections.abc import Collection, Mapping

from hostmon.scheduler.contract import Filter, Weigher
from hostmon.scheduler.request import PlacementRequest
from hostmon.scheduler.table import HostTable


class Chooser:
    """Chooses rows of one table.

    ``filters`` by name; ``weighers`` by name with what each counts for. Of hosts that suit equally
    one is drawn, so that several schedulers do not all rush to the same.
    """

    def __init__(
        self,
        hosts: HostTable,
        filters: Mapping[str, Filter],
        weighers: Mapping[str, tuple[Weigher, float]],
        draw: random.Random | None = None,
    ) -> None:
        self.hosts = hosts
        self._filters = dict(filters)
        self._weighers = list(weighers.values())
        self._draw = (draw or random.Random()).random

    def choose(self, request: PlacementRequest, without: Collection[int] = ()) -> int:
        """The row of the best host, -1 for none; not one of the rows ``without``."""
        hosts, columns = self.hosts, self.hosts.columns
        columns.begin()
        if without:
            columns.without(without)
        for each in self._filters.values():
            each.narrow(hosts, request)
            if not columns.left:
                return -1
        for weigher, multiplier in self._weighers:
            weigher.weigh(hosts, request, multiplier)
        return columns.best(int(self._draw() * columns.rows))

    def explain(
        self,
        request: PlacementRequest,
        refused: Collection[int] = (),
        behind: Collection[int] = (),
    ) -> str:
        """Why there is no host: how many each filter dropped, in one line.

        Rows that ``refused``, and those that are ``behind`` with what they were asked before.
        """
        columns = self.hosts.columns
        left = columns.begin()
        dropped = {"not ready": columns.rows - left}
        for why, rows in (("refused", refused), ("behind", behind)):
            left = columns.left
            columns.without(rows)
            dropped[why] = left - columns.left
        for name, each in self._filters.items():
            left = columns.left
            each.narrow(self.hosts, request)
            dropped[name] = left - columns.left
        said = ", ".join(f"{name} {count}" for name, count in dropped.items() if count)
        return f"none of {columns.rows} hosts: {said or 'there is none'}"
