"""What is passed to one hypervisor alone: QEMU's arguments and overrides, LXC's namespaces."""

from hostmon.xml.common import Named
from hostmon.xml.element import Children, Element, Value, Values


class CommandLine(Element):
    """Arguments and environment of the QEMU process."""

    tag = "qemu:commandline"
    args = Values("qemu:arg/@value")
    env = Children("qemu:env", Named)


class QemuCapabilities(Element):
    """Capabilities of QEMU that libvirt shall assume or deny."""

    tag = "qemu:capabilities"
    add = Values("qemu:add/@capability")
    remove = Values("qemu:del/@capability")


class QemuProperty(Element):
    """A property of a QEMU device, set or removed."""

    tag = "qemu:property"
    key = ("name",)
    name = Value("@name")
    type = Value("@type")
    value = Value("@value")


class DeviceOverride(Element):
    """Properties of the device with this alias."""

    tag = "qemu:device"
    key = ("alias",)
    alias = Value("@alias")
    properties = Children("qemu:frontend/qemu:property", QemuProperty)


class Override(Element):
    """Properties that override what libvirt would set."""

    tag = "qemu:override"
    devices = Children("qemu:device", DeviceOverride)


class SharedNamespace(Element):
    """A namespace a container shares with another, a process or a network namespace."""

    tag = "lxc:sharenet"
    type = Value("@type")
    value = Value("@value")


class LxcNamespaces(Element):
    """The namespaces a container shares."""

    tag = "lxc:namespace"
    shared = Children(
        "*", dict.fromkeys(("lxc:sharenet", "lxc:shareipc", "lxc:shareuts"), SharedNamespace)
    )


class BhyveCommandLine(Element):
    """Arguments and environment of the bhyve process."""

    tag = "bhyve:commandline"
    args = Values("bhyve:arg/@value")
    env = Children("bhyve:env", Named)


class XenCommandLine(Element):
    """Arguments of the Xen device model."""

    tag = "xen:commandline"
    args = Values("xen:arg/@value")
