"""How a guest's threads are pinned, scheduled and limited, and its share of cache."""

from hostmon.xml.element import INT, Children, Element, Value


class VcpuPin(Element):
    """The host CPUs one vCPU may run on."""

    tag = "vcpupin"
    key = ("vcpu",)
    vcpu = Value("@vcpu", INT)
    cpuset = Value("@cpuset")


class IothreadPin(Element):
    """The host CPUs one I/O thread may run on."""

    tag = "iothreadpin"
    key = ("iothread",)
    iothread = Value("@iothread", INT)
    cpuset = Value("@cpuset")


class Scheduling(Element):
    """The scheduler class and real-time priority of some threads."""

    tag = "vcpusched"
    key = ("vcpus", "iothreads")
    vcpus = Value("@vcpus")
    iothreads = Value("@iothreads")
    scheduler = Value("@scheduler")
    priority = Value("@priority", INT)


class CacheShare(Element):
    """A part of one cache that is reserved."""

    tag = "cache"
    key = ("id", "level", "type")
    id = Value("@id", INT)
    level = Value("@level", INT)
    type = Value("@type")
    size = Value("@size", INT)
    unit = Value("@unit")


class Monitor(Element):
    """A monitor of the cache or memory bandwidth that some vCPUs use."""

    tag = "monitor"
    key = ("level", "vcpus")
    level = Value("@level", INT)
    vcpus = Value("@vcpus")


class CacheTune(Element):
    """Cache reserved for some vCPUs (resctrl)."""

    tag = "cachetune"
    key = ("vcpus",)
    vcpus = Value("@vcpus")
    id = Value("@id")
    caches = Children("cache", CacheShare)
    monitors = Children("monitor", Monitor)


class BandwidthNode(Element):
    """The share of one node's memory bandwidth, in per cent."""

    tag = "node"
    key = ("id",)
    id = Value("@id", INT)
    bandwidth = Value("@bandwidth", INT)


class MemoryBandwidthTune(Element):
    """Memory bandwidth for some vCPUs (resctrl)."""

    tag = "memorytune"
    key = ("vcpus",)
    vcpus = Value("@vcpus")
    nodes = Children("node", BandwidthNode)
    monitors = Children("monitor", Monitor)


class CpuTune(Element):
    """Shares, quotas in µs per period, pinning and scheduling of a guest's threads."""

    tag = "cputune"
    shares = Value("shares", INT)
    global_period = Value("global_period", INT)
    global_quota = Value("global_quota", INT)
    period = Value("period", INT)
    quota = Value("quota", INT)
    emulator_period = Value("emulator_period", INT)
    emulator_quota = Value("emulator_quota", INT)
    iothread_period = Value("iothread_period", INT)
    iothread_quota = Value("iothread_quota", INT)
    vcpupins = Children("vcpupin", VcpuPin)
    emulatorpin = Value("emulatorpin/@cpuset")
    iothreadpins = Children("iothreadpin", IothreadPin)
    vcpuscheds = Children("vcpusched", Scheduling)
    emulatorscheds = Children("emulatorsched", Scheduling)
    iothreadscheds = Children("iothreadsched", Scheduling)
    cachetunes = Children("cachetune", CacheTune)
    memorytunes = Children("memorytune", MemoryBandwidthTune)
