"""Makes docs/metrics.md of the catalogue: ``python -m hostmon.metrics.page > docs/metrics.md``."""

import sys
from collections.abc import Iterable, Iterator

from hostmon.metrics.catalogue import CATALOGUE
from hostmon.metrics.family import FRESHNESS, Metric, Scope, Source
from hostmon.metrics.inovex import OWN

LABELS = {
    Scope.GUEST: ("domain",),
    Scope.STATE: ("domain",),
    Scope.GROUP: ("domain",),
    Scope.VCPU: ("domain", "vcpu"),
    Scope.DISK: ("domain", "target_device"),
    Scope.INTERFACE: ("domain", "target_device"),
    Scope.JOB: ("domain",),
    Scope.GUEST_INFO: ("domain",),
    Scope.OWNER_INFO: ("domain",),
    Scope.DISK_INFO: ("domain", "target_device"),
    Scope.INTERFACE_INFO: ("domain", "target_device"),
    Scope.IOTHREAD: ("domain", "iothread"),
    Scope.PERF: ("domain", "event"),
    Scope.HOST: (),
}
"""The labels that a scope gives to its families in hostmon's own profile."""

PARTS = (
    ("Host", (Scope.HOST,)),
    ("Guests", (Scope.GUEST_INFO, Scope.OWNER_INFO, Scope.STATE, Scope.GROUP, Scope.GUEST)),
    ("vCPUs", (Scope.VCPU,)),
    ("Disks", (Scope.DISK_INFO, Scope.DISK)),
    ("Interfaces", (Scope.INTERFACE_INFO, Scope.INTERFACE)),
    ("Jobs", (Scope.JOB,)),
    ("Iothreads and perf events", (Scope.IOTHREAD, Scope.PERF)),
)

INTRODUCTION = """# Metrics

Made by `python -m hostmon.metrics.page` from the catalogue in `hostmon/metrics/`.

Served as text 0.0.4 and OpenMetrics 1.0, plain or gzipped. A family marked *off* is served when
it is switched on. `collect[]=NAME`, once or more, asks for single families. The agent's own costs
follow at the end of the page.

A guest's series bear its name as `domain`; its UUID is on `libvirt_domain_info` and its owner on
`libvirt_domain_openstack_info` alone, to be joined where they are wanted:

    rate(libvirt_domain_info_cpu_time_seconds_total[5m])
      * on (domain) group_left (project_name) libvirt_domain_openstack_info

Guests that vanish leave no series. A column that nobody could read is left out, and so is a
column of libvirt's that is older than two of its cadences: a counter that stands still would read
as a rate of 0. Its age stays, in `hostmon_guest_sample_age_seconds`. A guest that is shut off is
there with all that it has: what it is, why it is off, its sizes, its devices, and of its images
on this host, as they were when storage was last looked at, capacity, allocation and physical size.
Of the host's storage nothing is shown before it was looked at once, and of storage pools and
networks nothing that is older than two minutes, but `hostmon_host_objects_age_seconds` and which
pool does not answer.

An interface that has no device on the host goes by its MAC address instead, and the second of
a guest that bears one address by `MAC#2`; `mac_address` is the address itself.

A quota on a guest's CPU raises both `libvirt_domain_cpu_throttled_seconds_total` and its vCPUs'
delay: only delay beyond the throttled time is contention.

A guest that is in no control group of its own, as a session's guests or those of a libvirtd that
uses none, has the processor times of its process, which the kernel tells in ticks of 10 ms, and no
throttled time, charged memory or pressure.

How fresh a value is, its HELP text says. What the tables call the kernel's is that of guests that
are this host's processes, of a local QEMU; an agent of another hypervisor, or of another host, has
it of libvirt, and its HELP texts say so. Of what libvirt is asked for the ages are shown, by group;
a job's while there is one:
"""

PROFILES = """
## Profiles

`kumina` serves what Debian's prometheus-libvirt-exporter 0.2.0 serves: its names, labels and
types, of guests that run. `kumina-nova` is the same with `--libvirt.export-nova-metadata`.

`inovex` serves the 67 names of prometheus-libvirt-exporter 2.5, of each guest those that it does:
of a guest that runs without a job the job's figures are 0, of one that is off its CPU time, and a
balloon that tells nothing has a share in use that is not a number. Only cdroms and floppies, of
which that exporter has some counters, are left out whole. Where hostmon has a name too, it is the
same family; these it serves otherwise, since their unit or type is not what they say:

| name | in hostmon's own page |
|---|---|
"""


def document() -> str:
    """The whole of docs/metrics.md."""
    return "".join(f"{line}\n" for line in lines())


def lines() -> Iterator[str]:
    """The document, line by line."""
    yield from INTRODUCTION.splitlines()
    yield ""
    for source in Source:
        yield f"- {FRESHNESS[source]}"
    for title, scopes in PARTS:
        yield from table(title, [metric for metric in CATALOGUE if metric.scope in scopes])
    yield from PROFILES.splitlines()
    for metric in OWN:
        ours = [each.name for each in CATALOGUE if same(each, metric)]
        yield f"| `{metric.name}` | {', '.join(f'`{name}`' for name in ours)} |"


def same(ours: Metric, theirs: Metric) -> bool:
    """Whether two families show the same column."""
    return (ours.scope, ours.column) == (theirs.scope, theirs.column)


def table(title: str, metrics: Iterable[Metric]) -> Iterator[str]:
    """A part of the catalogue."""
    yield from ("", f"## {title}", "", "| name | type | labels | what it is | fresh |")
    yield "|---|---|---|---|---|"
    for metric in metrics:
        labels = " ".join((*LABELS[metric.scope], *metric.labels))
        state = "" if metric.default else " (off)"
        yield (
            f"| `{metric.name}` | {metric.type}{state} | {labels} | {metric.help} "
            f"| {metric.source} |"
        )


if __name__ == "__main__":
    sys.stdout.write(document())
