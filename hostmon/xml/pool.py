"""Storage pools: where libvirt keeps and finds volumes."""

from hostmon.xml.common import ByteSize, Named
from hostmon.xml.disksource import Auth, StorageHost
from hostmon.xml.element import INT, YES_NO, Child, Children, Element, Value, Values
from hostmon.xml.hostdev import ScsiAdapter
from hostmon.xml.storage import Permissions


class FreeExtent(Element):
    """Free space between partitions, in bytes."""

    tag = "freeExtent"
    start = Value("@start", INT)
    end = Value("@end", INT)


class PoolDevice(Element):
    """A device the pool is made of."""

    tag = "device"
    key = ("path",)
    path = Value("@path")
    part_separator = Value("@part_separator", YES_NO)
    free_extents = Children("freeExtent", FreeExtent)


class PoolSource(Element):
    """What the pool is made of; its type tells which of the fields apply."""

    tag = "source"
    hosts = Children("host", StorageHost)
    devices = Children("device", PoolDevice)
    dir = Value("dir/@path")
    name = Value("name")
    adapter = Child("adapter", ScsiAdapter)
    initiator_iqn = Value("initiator/iqn/@name")
    auth = Child("auth", Auth)
    format = Value("format/@type")
    format_vendor = Value("format/vendor/@name")
    format_product = Value("format/product/@name")
    protocol_version = Value("protocol/@ver")
    vendor = Value("vendor/@name")
    product = Value("product/@name")


class PoolTarget(Element):
    """Where the pool appears on the host."""

    tag = "target"
    path = Value("path")
    permissions = Child("permissions", Permissions)


class StoragePool(Element):
    """A storage pool."""

    tag = "pool"
    type = Value("@type")
    name = Value("name")
    uuid = Value("uuid")
    capacity = Child("capacity", ByteSize)
    allocation = Child("allocation", ByteSize)
    available = Child("available", ByteSize)
    cow = Value("features/cow/@state", YES_NO)
    source = Child("source", PoolSource)
    target = Child("target", PoolTarget)
    refresh_volume_allocation = Value("refresh/volume/@allocation")
    mount_options = Values("fs:mount_opts/fs:option/@name")
    config_options = Children("rbd:config_opts/rbd:option", Named)
