"""One declared metric family, and the words its declaration uses.

A declaration says everything that rendering, documentation and tests need to know. Must not know
how a value is read or rendered.
"""

from enum import StrEnum
from typing import NamedTuple


class Type(StrEnum):
    """The types of the exposition formats; an info is a gauge of value 1 in text 0.0.4."""

    COUNTER = "counter"
    GAUGE = "gauge"
    INFO = "info"


class Scope(StrEnum):
    """What has one series of a family each, and so which labels the series bear."""

    GUEST = "guest"
    STATE = "state"
    GROUP = "group"
    VCPU = "vcpu"
    DISK = "disk"
    INTERFACE = "interface"
    JOB = "job"
    GUEST_INFO = "guest_info"
    OWNER_INFO = "owner_info"
    DISK_INFO = "disk_info"
    INTERFACE_INFO = "interface_info"
    IOTHREAD = "iothread"
    PERF = "perf"
    HOST = "host"


class Source(StrEnum):
    """Where a value comes from, and so how current it is; every HELP text ends with it.

    What is declared as the kernel's is so of a local QEMU's guests; of others it is libvirt's, and
    of what both are asked for it is either's (``hostmon.exposition.sources``).
    """

    KERNEL = "kernel"
    EITHER = "kernel or libvirt"
    LIBVIRT = "libvirt"
    OBJECTS = "objects"
    EVENT = "event"
    DEFINITION = "definition"
    ACCOUNT = "account"
    AGENT = "agent"


class Form(StrEnum):
    """What a column holds; the unit that is shown follows from it."""

    ONE = "one"
    UINT = "uint"
    INT = "int"
    NANO = "nano"
    MILLI = "milli"
    TICKS = "ticks"
    FLAG = "flag"
    STATE = "state"
    STATE_CODE = "state_code"
    AGE = "age"
    PERCENT_USED = "percent_used"


class Zero(StrEnum):
    """Of which guests a family is 0 where hostmon's own page leaves it out."""

    NONE = ""
    OFF = "off"
    JOBLESS = "jobless"


FRESHNESS = {
    Source.KERNEL: "Kernel: read at the scrape.",
    Source.EITHER: "Kernel: read at the scrape; of an interface without a device on the host, "
    "libvirt: as old as hostmon_guest_sample_age_seconds says.",
    Source.LIBVIRT: "libvirt: as old as hostmon_guest_sample_age_seconds says.",
    Source.OBJECTS: "libvirt: as old as hostmon_host_objects_age_seconds says.",
    Source.EVENT: "Event: current to libvirt's last event.",
    Source.DEFINITION: "Definition: current to libvirt's last event, or a comparison every 15 s.",
    Source.ACCOUNT: "Account: current to libvirt's last event.",
    Source.AGENT: "Agent: current.",
}
"""The sentence that ends a HELP text."""

UNAGED = {
    Source.EITHER: "Kernel: read at the scrape; of an interface without a device on the host, "
    "libvirt: asked in the background, left out once two answers are overdue.",
    Source.LIBVIRT: "libvirt: asked in the background, left out once two answers are overdue.",
    Source.OBJECTS: "libvirt: asked in the background, left out once two answers are overdue.",
}
"""The same on a page that does not show the age."""

AGES = {
    Source.EITHER: "hostmon_guest_sample_age_seconds",
    Source.LIBVIRT: "hostmon_guest_sample_age_seconds",
    Source.OBJECTS: "hostmon_host_objects_age_seconds",
}
"""The family that shows how old a value is."""

UNITS = ("seconds", "bytes", "ratio")
"""The units that a family's name may end with, and OpenMetrics then declares."""


class Metric(NamedTuple):
    """One family.

    ``name`` is what a sample is called in text 0.0.4, so a counter's ends with ``_total`` and an
    info's with ``_info``. ``column`` names the guest table's column (ext/columns.pxi), or what the
    agent calls a host figure; ``labels`` are those that the family adds to its scope's;
    ``running`` leaves out guests that do not run, ``shutoff`` all but those that are shut off;
    ``zero`` says of which guests it is 0: those that are off, or those that run without a job.
    """

    name: str
    type: Type
    help: str
    source: Source
    scope: Scope = Scope.GUEST
    column: str = ""
    form: Form = Form.UINT
    labels: tuple[str, ...] = ()
    default: bool = True
    running: bool = False
    shutoff: bool = False
    zero: Zero = Zero.NONE

    @property
    def family(self) -> str:
        """The family's name in OpenMetrics: without the suffix that its type adds."""
        suffix = {Type.COUNTER: "_total", Type.INFO: "_info"}.get(self.type, "")
        return self.name.removesuffix(suffix)

    @property
    def unit(self) -> str:
        """The unit that the name ends with, or nothing."""
        return next((unit for unit in UNITS if self.family.endswith(f"_{unit}")), "")

    def head(self, openmetrics: bool, freshness: str = "") -> str:
        """The TYPE, UNIT and HELP lines; ``freshness`` is another last sentence than its own."""
        text = f"{self.help} {freshness or FRESHNESS[self.source]}"
        name = self.family if openmetrics else self.name
        kind = Type.GAUGE if self.type is Type.INFO and not openmetrics else self.type
        lines = [f"# HELP {name} {escape_help(text, openmetrics)}"]
        lines.append(f"# TYPE {name} {kind.value}")
        if openmetrics and self.unit:
            lines.append(f"# UNIT {name} {self.unit}")
        return "".join(f"{line}\n" for line in lines)


def escape_help(text: str, openmetrics: bool) -> str:
    """Help as both formats write it; only OpenMetrics escapes quotes."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if openmetrics else text
