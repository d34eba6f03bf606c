"""Where an agent's columns come from: of which families the kernel tells, and of which libvirt.

Owns what a HELP text says of a value's age, and how old a value may be shown. Must not read one.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from hostmon._exposition import COLUMNS
from hostmon.metrics import Metric, Scope, Source
from hostmon.metrics.choice import any_shown
from hostmon.metrics.family import AGES, FRESHNESS, UNAGED
from hostmon.samples import Group
from hostmon.settings import MetricsSettings

ASKED = (Source.LIBVIRT, Source.EITHER)
"""Sources of guests' values that grow old."""


class Sources(NamedTuple):
    """Who fills the columns of one agent.

    ``kernel``: guests are processes of this host, which the kernel sampler reads. ``cadences``: of
    each group that the hypervisor is asked for, the longest time between two readings, in seconds.
    """

    kernel: bool = True
    cadences: Mapping[Group, float] = {}

    def of(self, metric: Metric) -> Source:
        """Where a family's values come from here."""
        group = group_of(metric)
        if metric.source is not Source.KERNEL or group is None:
            return metric.source
        if not self.kernel:
            return Source.LIBVIRT
        return Source.EITHER if group in self.cadences else Source.KERNEL

    def freshness(self, metric: Metric, page: Collection[str]) -> str:
        """The sentence that ends a family's HELP text, on a page of families of these names."""
        source = self.of(metric)
        shown = source not in AGES or AGES[source] in page
        return FRESHNESS[source] if shown else UNAGED[source]

    def oldest_ns(self, group: Group) -> int:
        """How old a group's values may be shown: two cadences; 0 is any age."""
        return int(2e9 * self.cadences.get(group, 0.0))

    def ages(self, metrics: Collection[Metric]) -> list[str | None]:
        """Of each group its name if its age is to be shown beside these families, else None.

        Shown are the CPU's, for all that the kernel tells at once, and those of every column that
        libvirt is asked for.
        """
        shown = {group_of(metric) for metric in metrics if self.of(metric) in ASKED}
        shown.add(Group.CPU)
        return [group.name.lower() if group in shown else None for group in Group]


BY_KERNEL = Sources()
"""Nobody is asked but the kernel."""


KEPT = frozenset({Group.JOB})
"""Groups that others than pages go by: a guest with a job does not stand still."""


def groups_shown(settings: MetricsSettings) -> frozenset[Group]:
    """The groups that a page of any profile may show one of, and those that are wanted anyway."""
    shown = {group_of(metric) for metric in any_shown(settings)}
    return KEPT | {group for group in shown if group is not None}


def group_of(metric: Metric) -> Group | None:
    """The group of columns that a family of guests shows one of; None where it stands alone."""
    if metric.scope is Scope.HOST or metric.column not in COLUMNS.get(metric.scope, {}):
        return None
    number = COLUMNS[metric.scope][metric.column][2]
    return Group(number) if number < len(Group) else None
