"""A guest's (or host's) CPU: model, topology, features, NUMA cells, cache."""

from hostmon.xml.common import Interconnects, MemoryCache, Sibling
from hostmon.xml.element import (
    INT,
    ON_OFF,
    YES_NO,
    Child,
    Children,
    Element,
    Flag,
    Value,
)  # fmt: skip


class Model(Element):
    """The name of a CPU model, and what to do where the host lacks it."""

    tag = "model"
    name = Value(".")
    fallback = Value("@fallback")
    vendor_id = Value("@vendor_id")


class Topology(Element):
    """How many sockets, dies, cores and threads; their product is the number of vCPUs."""

    tag = "topology"
    sockets = Value("@sockets", INT)
    dies = Value("@dies", INT)
    cores = Value("@cores", INT)
    threads = Value("@threads", INT)


class Feature(Element):
    """One CPU feature, and whether the guest must, may or must not have it."""

    tag = "feature"
    key = ("name",)
    policy = Value("@policy")
    name = Value("@name")


class NumaCell(Element):
    """One NUMA cell of the guest; ``memory`` is in ``unit``, KiB where none is given."""

    tag = "cell"
    key = ("id",)
    id = Value("@id", INT)
    cpus = Value("@cpus")
    memory = Value("@memory", INT)
    unit = Value("@unit")
    mem_access = Value("@memAccess")
    discard = Value("@discard", YES_NO)
    distances = Children("distances/sibling", Sibling)
    caches = Children("cache", MemoryCache)


class Numa(Element):
    """The guest's NUMA cells and the speed between them."""

    tag = "numa"
    cells = Children("cell", NumaCell)
    interconnects = Child("interconnects", Interconnects)


class Cache(Element):
    """The CPU cache the guest sees."""

    tag = "cache"
    level = Value("@level", INT)
    mode = Value("@mode")


class MaxPhysAddr(Element):
    """How many bits a physical address has."""

    tag = "maxphysaddr"
    mode = Value("@mode")
    bits = Value("@bits", INT)


class Signature(Element):
    """The CPU's family, model and stepping."""

    tag = "signature"
    family = Value("@family", INT)
    model = Value("@model", INT)
    stepping = Value("@stepping", INT)


class Counter(Element):
    """A counter of the host's CPU, such as its time stamp counter, in Hz."""

    tag = "counter"
    key = ("name",)
    name = Value("@name")
    frequency = Value("@frequency", INT)
    scaling = Value("@scaling", YES_NO)


class PageSize(Element):
    """A size of memory pages the host offers."""

    tag = "pages"
    key = ("size", "unit")
    unit = Value("@unit")
    size = Value("@size", INT)


class Cpu(Element):
    """A CPU as guests ask for it and as hosts describe theirs."""

    tag = "cpu"
    mode = Value("@mode")
    match = Value("@match")
    check = Value("@check")
    migratable = Value("@migratable", ON_OFF)
    arch = Value("arch")
    pae = Flag("features/pae")
    nonpae = Flag("features/nonpae")
    vmx = Flag("features/vmx")
    svm = Flag("features/svm")
    model = Child("model", Model)
    vendor = Value("vendor")
    microcode = Value("microcode/@version", INT)
    signature = Child("signature", Signature)
    counters = Children("counter", Counter)
    topology = Child("topology", Topology)
    cache = Child("cache", Cache)
    maxphysaddr = Child("maxphysaddr", MaxPhysAddr)
    features = Children("feature", Feature)
    pages = Children("pages", PageSize)
    numa = Child("numa", Numa)
