"""Labels of a guest's processes and files, encrypted memory, ids and namespaces of containers."""

from hostmon.xml.element import INT, ON_OFF, YES_NO, Children, Element, Value
from hostmon.xml.values import INT_OR_HEX


class Seclabel(Element):
    """The label a security driver gives the guest; known by the driver's name."""

    tag = "seclabel"
    key = ("model",)
    type = Value("@type")
    model = Value("@model")
    relabel = Value("@relabel", YES_NO)
    label = Value("label")
    imagelabel = Value("imagelabel")
    baselabel = Value("baselabel")


class LaunchSecurity(Element):
    """Encrypted memory: AMD SEV or s390 Secure Execution."""

    tag = "launchSecurity"
    type = Value("@type")
    kernel_hashes = Value("@kernelHashes", YES_NO)
    cbitpos = Value("cbitpos", INT_OR_HEX)
    reduced_phys_bits = Value("reducedPhysBits", INT_OR_HEX)
    policy = Value("policy")
    handle = Value("handle", INT)
    dh_cert = Value("dhCert")
    session = Value("session")


class IdRange(Element):
    """Ids inside a container and the host's ids they stand for."""

    tag = "uid"
    key = ("start",)
    start = Value("@start", INT)
    target = Value("@target", INT)
    count = Value("@count", INT)


class IdMap(Element):
    """Users and groups of a container."""

    tag = "idmap"
    uids = Children("uid", IdRange)
    gids = Children("gid", IdRange)


class KeyWrap(Element):
    """A cipher whose keys s390 protects."""

    tag = "cipher"
    key = ("name",)
    name = Value("@name")
    state = Value("@state", ON_OFF)
