"""How a guest's memory is sized, backed, limited and bound to the host's NUMA nodes."""

from hostmon.xml.common import Size
from hostmon.xml.element import INT, ON_OFF, Child, Children, Element, Flag, Value


class Memory(Size):
    """The memory a guest boots with."""

    tag = "memory"
    dump_core = Value("@dumpCore", ON_OFF)


class MaxMemory(Size):
    """The most memory a guest can grow to, and in how many modules."""

    tag = "maxMemory"
    slots = Value("@slots", INT)


class HugePage(Element):
    """A size of huge pages, for all of the guest or for some of its NUMA cells."""

    tag = "page"
    key = ("size", "unit", "nodeset")
    size = Value("@size", INT)
    unit = Value("@unit")
    nodeset = Value("@nodeset")


class HugePages(Element):
    """Huge pages of the sizes listed, or of the host's default size."""

    tag = "hugepages"
    pages = Children("page", HugePage)


class MemoryBacking(Element):
    """What the host uses for the guest's memory."""

    tag = "memoryBacking"
    hugepages = Child("hugepages", HugePages)
    nosharepages = Flag("nosharepages")
    locked = Flag("locked")
    source = Value("source/@type")
    access = Value("access/@mode")
    allocation = Value("allocation/@mode")
    allocation_threads = Value("allocation/@threads", INT)
    discard = Flag("discard")


class MemoryTune(Element):
    """Limits of the memory a guest may take from the host."""

    tag = "memtune"
    hard_limit = Child("hard_limit", Size)
    soft_limit = Child("soft_limit", Size)
    min_guarantee = Child("min_guarantee", Size)
    swap_hard_limit = Child("swap_hard_limit", Size)


class MemoryNode(Element):
    """Which host nodes one NUMA cell of the guest takes its memory from."""

    tag = "memnode"
    key = ("cellid",)
    cellid = Value("@cellid", INT)
    mode = Value("@mode")
    nodeset = Value("@nodeset")


class NumaMemory(Element):
    """Which host nodes the guest takes its memory from."""

    tag = "memory"
    mode = Value("@mode")
    placement = Value("@placement")
    nodeset = Value("@nodeset")


class NumaTune(Element):
    """How the guest's memory is bound to the host's NUMA nodes."""

    tag = "numatune"
    memory = Child("memory", NumaMemory)
    memnodes = Children("memnode", MemoryNode)
