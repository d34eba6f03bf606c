"""Volumes of storage pools."""

from hostmon.xml.common import ByteSize
from hostmon.xml.disksource import Encryption
from hostmon.xml.element import INT, Child, Children, Element, Flag, Value
from hostmon.xml.storage import Permissions, Timestamps


class Extent(Element):
    """Where on a device the volume lies, in bytes."""

    tag = "extent"
    start = Value("@start", INT)
    end = Value("@end", INT)


class VolumeDevice(Element):
    """A device the volume lies on."""

    tag = "device"
    key = ("path",)
    path = Value("@path")
    extents = Children("extent", Extent)


class VolumeSource(Element):
    """Where the volume's bytes are."""

    tag = "source"
    devices = Children("device", VolumeDevice)


class VolumeTarget(Element):
    """The volume's path, format and what it may be."""

    tag = "target"
    path = Value("path")
    format = Value("format/@type")
    permissions = Child("permissions", Permissions)
    timestamps = Child("timestamps", Timestamps)
    encryption = Child("encryption", Encryption)
    compat = Value("compat")
    nocow = Flag("nocow")
    cluster_size = Child("clusterSize", ByteSize)
    lazy_refcounts = Flag("features/lazy_refcounts")
    extended_l2 = Flag("features/extended_l2")


class VolumeBacking(Element):
    """The volume that this one builds on."""

    tag = "backingStore"
    path = Value("path")
    format = Value("format/@type")
    permissions = Child("permissions", Permissions)
    timestamps = Child("timestamps", Timestamps)


class Volume(Element):
    """A volume; sizes without a unit are in bytes."""

    tag = "volume"
    type = Value("@type")
    name = Value("name")
    volume_key = Value("key")
    source = Child("source", VolumeSource)
    capacity = Child("capacity", ByteSize)
    allocation = Child("allocation", ByteSize)
    physical = Child("physical", ByteSize)
    target = Child("target", VolumeTarget)
    backing_store = Child("backingStore", VolumeBacking)
