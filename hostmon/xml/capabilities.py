"""What a host is and can run: its CPU, NUMA cells, caches, security, and guests by architecture."""

from hostmon.xml.common import Interconnects, MemoryCache, Sibling, Size
from hostmon.xml.cpu import Cpu
from hostmon.xml.element import INT, ON_OFF, YES_NO, Child, Children, Element, Flag, Value, Values


class HostCpu(Element):
    """One CPU of the host: where it is, and which CPUs are threads of the same core."""

    tag = "cpu"
    key = ("id",)
    id = Value("@id", INT)
    socket_id = Value("@socket_id", INT)
    die_id = Value("@die_id", INT)
    cluster_id = Value("@cluster_id", INT)
    core_id = Value("@core_id", INT)
    siblings = Value("@siblings")


class HostPages(Element):
    """How many pages of one size a cell has; the size is in ``unit``."""

    tag = "pages"
    key = ("size", "unit")
    unit = Value("@unit")
    size = Value("@size", INT)
    count = Value(".", INT)


class HostCell(Element):
    """One NUMA cell of the host."""

    tag = "cell"
    key = ("id",)
    id = Value("@id", INT)
    memory = Child("memory", Size)
    pages = Children("pages", HostPages)
    distances = Children("distances/sibling", Sibling)
    caches = Children("cache", MemoryCache)
    cpu_count = Value("cpus/@num", INT)
    cpus = Children("cpus/cpu", HostCpu)


class HostTopology(Element):
    """The host's NUMA cells."""

    tag = "topology"
    cell_count = Value("cells/@num", INT)
    cells = Children("cells/cell", HostCell)
    interconnects = Child("interconnects", Interconnects)


class Control(Element):
    """What can be allocated of a cache or of memory bandwidth."""

    tag = "control"
    key = ("type",)
    granularity = Value("@granularity", INT)
    min = Value("@min", INT)
    unit = Value("@unit")
    type = Value("@type")
    max_allocs = Value("@maxAllocs", INT)


class HostMonitor(Element):
    """What can be monitored of a cache or of memory bandwidth."""

    tag = "monitor"
    level = Value("@level", INT)
    reuse_threshold = Value("@reuseThreshold", INT)
    max_monitors = Value("@maxMonitors", INT)
    features = Values("feature/@name")


class Bank(Element):
    """A cache of the host and the CPUs that share it."""

    tag = "bank"
    key = ("id", "level", "type")
    id = Value("@id", INT)
    level = Value("@level", INT)
    type = Value("@type")
    size = Value("@size", INT)
    unit = Value("@unit")
    cpus = Value("@cpus")
    controls = Children("control", Control)


class HostCache(Element):
    """The host's caches."""

    tag = "cache"
    banks = Children("bank", Bank)
    monitor = Child("monitor", HostMonitor)


class BandwidthDomain(Element):
    """CPUs that share memory bandwidth."""

    tag = "node"
    key = ("id",)
    id = Value("@id", INT)
    cpus = Value("@cpus")
    control = Child("control", Control)


class MemoryBandwidth(Element):
    """The host's memory bandwidth."""

    tag = "memory_bandwidth"
    nodes = Children("node", BandwidthDomain)
    monitor = Child("monitor", HostMonitor)


class BaseLabel(Element):
    """The label that guests of one type get."""

    tag = "baselabel"
    key = ("type",)
    type = Value("@type")
    label = Value(".")


class SecurityModel(Element):
    """A security driver."""

    tag = "secmodel"
    key = ("model",)
    model = Value("model")
    doi = Value("doi")
    baselabels = Children("baselabel", BaseLabel)


class PowerStates(Element):
    """How the host can sleep."""

    tag = "power_management"
    suspend_mem = Flag("suspend_mem")
    suspend_disk = Flag("suspend_disk")
    suspend_hybrid = Flag("suspend_hybrid")


class HostCapabilities(Element):
    """The host itself."""

    tag = "host"
    uuid = Value("uuid")
    cpu = Child("cpu", Cpu)
    power_management = Child("power_management", PowerStates)
    iommu = Value("iommu/@support", YES_NO)
    live_migration = Flag("migration_features/live")
    uri_transports = Values("migration_features/uri_transports/uri_transport")
    topology = Child("topology", HostTopology)
    cache = Child("cache", HostCache)
    memory_bandwidth = Child("memory_bandwidth", MemoryBandwidth)
    secmodels = Children("secmodel", SecurityModel)


class Machine(Element):
    """A machine type; ``canonical`` is what an alias stands for."""

    tag = "machine"
    key = ("name",)
    name = Value(".")
    canonical = Value("@canonical")
    max_cpus = Value("@maxCpus", INT)
    deprecated = Value("@deprecated", YES_NO)


class DomainType(Element):
    """A way to run guests of this architecture: kvm, qemu, ..."""

    tag = "domain"
    key = ("type",)
    type = Value("@type")
    emulator = Value("emulator")
    loader = Value("loader")
    machines = Children("machine", Machine)


class GuestArch(Element):
    """An architecture."""

    tag = "arch"
    key = ("name",)
    name = Value("@name")
    wordsize = Value("wordsize", INT)
    emulator = Value("emulator")
    loader = Value("loader")
    machines = Children("machine", Machine)
    domains = Children("domain", DomainType)


class GuestFeature(Element):
    """A feature guests have by default or not, and whether that can be changed."""

    tag = "acpi"
    toggle = Value("@toggle", YES_NO)
    default = Value("@default", ON_OFF)


class GuestFeatures(Element):
    """Features of guests of one architecture."""

    tag = "features"
    pae = Flag("pae")
    nonpae = Flag("nonpae")
    ia64_be = Flag("ia64_be")
    acpi = Child("acpi", GuestFeature)
    apic = Child("apic", GuestFeature)
    hap = Child("hap", GuestFeature)
    disksnapshot = Child("disksnapshot", GuestFeature)
    externalsnapshot = Flag("externalSnapshot")
    cpuselection = Flag("cpuselection")
    deviceboot = Flag("deviceboot")


class GuestCapabilities(Element):
    """The guests of one sort and architecture that the host can run."""

    tag = "guest"
    os_type = Value("os_type")
    arch = Child("arch", GuestArch)
    features = Child("features", GuestFeatures)


class Capabilities(Element):
    """Everything ``virConnectGetCapabilities`` tells."""

    tag = "capabilities"
    host = Child("host", HostCapabilities)
    guests = Children("guest", GuestCapabilities)
