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
    HOST = "host"


class Source(StrEnum):
    """How current a value is; every HELP text ends with it."""

    KERNEL = "kernel"
    LIBVIRT = "libvirt"
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


FRESHNESS = {
    Source.KERNEL: "Kernel: read at the scrape.",
    Source.LIBVIRT: "libvirt: as old as hostmon_guest_sample_age_seconds says.",
    Source.EVENT: "Event: current to libvirt's last event.",
    Source.DEFINITION: "Definition: current to libvirt's last event, or a comparison every 15 s.",
    Source.ACCOUNT: "Account: current to libvirt's last event.",
    Source.AGENT: "Agent: current.",
}
"""The sentence that ends a HELP text."""

UNITS = ("seconds", "bytes", "ratio")
"""The units that a family's name may end with, and OpenMetrics then declares."""


class Metric(NamedTuple):
    """One family.

    ``name`` is what a sample is called in text 0.0.4, so a counter's ends with ``_total`` and an
    info's with ``_info``. ``column`` names the guest table's column (ext/columns.pxi), or what the
    agent calls a host figure; ``labels`` are those that the family adds to its scope's;
    ``running`` leaves out guests that do not run, ``shutoff`` all but those that are shut off.
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

    @property
    def family(self) -> str:
        """The family's name in OpenMetrics: without the suffix that its type adds."""
        suffix = {Type.COUNTER: "_total", Type.INFO: "_info"}.get(self.type, "")
        return self.name.removesuffix(suffix)

    @property
    def unit(self) -> str:
        """The unit that the name ends with, or nothing."""
        return next((unit for unit in UNITS if self.family.endswith(f"_{unit}")), "")

    def head(self, openmetrics: bool) -> str:
        """The TYPE, UNIT and HELP lines."""
        name = self.family if openmetrics else self.name
        kind = Type.GAUGE if self.type is Type.INFO and not openmetrics else self.type
        lines = [f"# HELP {name} {escape_help(self.full_help, openmetrics)}"]
        lines.append(f"# TYPE {name} {kind.value}")
        if openmetrics and self.unit:
            lines.append(f"# UNIT {name} {self.unit}")
        return "".join(f"{line}\n" for line in lines)

    @property
    def full_help(self) -> str:
        """The help, and how fresh the value is."""
        return f"{self.help} {FRESHNESS[self.source]}"


def escape_help(text: str, openmetrics: bool) -> str:
    """Help as both formats write it; only OpenMetrics escapes quotes."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if openmetrics else text
