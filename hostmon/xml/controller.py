"""The buses that a guest's devices are plugged into."""

from hostmon.xml.common import Device, Size, VirtioDriver
from hostmon.xml.element import HEX1, INT, ON_OFF, Child, Element, Value


class ControllerDriver(VirtioDriver):
    """Queues and threads of a controller."""

    queues = Value("@queues", INT)
    cmd_per_lun = Value("@cmd_per_lun", INT)
    max_sectors = Value("@max_sectors", INT)
    ioeventfd = Value("@ioeventfd", ON_OFF)
    iothread = Value("@iothread", INT)


class ControllerTarget(Element):
    """Where a PCI bridge or root port sits, and whether devices may be plugged in while it runs."""

    tag = "target"
    chassis_nr = Value("@chassisNr", INT)
    chassis = Value("@chassis", INT)
    port = Value("@port", HEX1)
    bus_nr = Value("@busNr", INT)
    index = Value("@index", INT)
    hotplug = Value("@hotplug", ON_OFF)
    mem_reserve = Value("@memReserve", INT)
    numa_node = Value("node", INT)


class Controller(Device):
    """A controller; known by its type and index."""

    tag = "controller"
    key = ("type", "index")
    type = Value("@type")
    index = Value("@index", INT)
    model = Value("@model")
    ports = Value("@ports", INT)
    vectors = Value("@vectors", INT)
    max_grant_frames = Value("@maxGrantFrames", INT)
    max_event_channels = Value("@maxEventChannels", INT)
    model_name = Value("model/@name")
    target = Child("target", ControllerTarget)
    master_startport = Value("master/@startport", INT)
    pcihole64 = Child("pcihole64", Size)
    driver = Child("driver", ControllerDriver)
