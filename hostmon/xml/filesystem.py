"""Directories, images and memory that a guest or container mounts from the host."""

from hostmon.xml.common import ByteSize, Device, VirtioDriver
from hostmon.xml.element import INT, ON_OFF, Child, Element, Flag, Value


class FilesystemDriver(VirtioDriver):
    """What serves the filesystem."""

    type = Value("@type")
    name = Value("@name")
    format = Value("@format")
    wrpolicy = Value("@wrpolicy")
    queue = Value("@queue", INT)


class FilesystemSource(Element):
    """What is mounted; the filesystem's type tells which field applies."""

    tag = "source"
    dir = Value("@dir")
    file = Value("@file")
    dev = Value("@dev")
    name = Value("@name")
    socket = Value("@socket")
    pool = Value("@pool")
    volume = Value("@volume")
    usage = Value("@usage", INT)
    units = Value("@units")


class VirtiofsBinary(Element):
    """The program that serves virtiofs, and how it caches, locks and confines itself."""

    tag = "binary"
    path = Value("@path")
    xattr = Value("@xattr", ON_OFF)
    cache = Value("cache/@mode")
    sandbox = Value("sandbox/@mode")
    posix_lock = Value("lock/@posix", ON_OFF)
    flock = Value("lock/@flock", ON_OFF)
    thread_pool_size = Value("thread_pool/@size", INT)
    open_files = Value("openfiles/@max", INT)


class Filesystem(Device):
    """A filesystem of the host in the guest; known by its target directory or tag."""

    tag = "filesystem"
    key = ("target",)
    type = Value("@type")
    accessmode = Value("@accessmode")
    model = Value("@model")
    multidevs = Value("@multidevs")
    fmode = Value("@fmode")
    dmode = Value("@dmode")
    driver = Child("driver", FilesystemDriver)
    binary = Child("binary", VirtiofsBinary)
    source = Child("source", FilesystemSource)
    target = Value("target/@dir")
    readonly = Flag("readonly")
    space_hard_limit = Child("space_hard_limit", ByteSize)
    space_soft_limit = Child("space_soft_limit", ByteSize)
    boot_order = Value("boot/@order", INT)
    boot_loadparm = Value("boot/@loadparm")
