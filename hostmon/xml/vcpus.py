"""How many vCPUs and I/O threads a guest has, and which are online."""

from hostmon.xml.element import INT, YES_NO, Element, Value


class Vcpus(Element):
    """The most vCPUs a guest can have, how many are online, where they may run."""

    tag = "vcpu"
    count = Value(".", INT)
    placement = Value("@placement")
    cpuset = Value("@cpuset")
    current = Value("@current", INT)


class Vcpu(Element):
    """One vCPU: online, and in which order it was plugged."""

    tag = "vcpu"
    key = ("id",)
    id = Value("@id", INT)
    enabled = Value("@enabled", YES_NO)
    hotpluggable = Value("@hotpluggable", YES_NO)
    order = Value("@order", INT)


class Iothread(Element):
    """An I/O thread and the bounds of its pool of workers; the default one has no id."""

    tag = "iothread"
    key = ("id",)
    id = Value("@id", INT)
    thread_pool_min = Value("@thread_pool_min", INT)
    thread_pool_max = Value("@thread_pool_max", INT)
