"""A guest's disks: driver, source and backing chain, target, limits, mirrors."""

from hostmon.xml.common import ByteSize, Device, VirtioDriver
from hostmon.xml.disksource import Auth, DiskSource, Encryption
from hostmon.xml.element import INT, ON_OFF, YES_NO, Child, Children, Element, Flag, Value


class DiskIothread(Element):
    """An I/O thread that serves some of the disk's queues."""

    tag = "iothread"
    key = ("id",)
    id = Value("@id", INT)


class DiskDriver(VirtioDriver):
    """How QEMU opens the image and serves the guest's requests."""

    name = Value("@name")
    type = Value("@type")
    cache = Value("@cache")
    error_policy = Value("@error_policy")
    rerror_policy = Value("@rerror_policy")
    io = Value("@io")
    ioeventfd = Value("@ioeventfd", ON_OFF)
    event_idx = Value("@event_idx", ON_OFF)
    copy_on_read = Value("@copy_on_read", ON_OFF)
    discard = Value("@discard")
    detect_zeroes = Value("@detect_zeroes")
    discard_no_unref = Value("@discard_no_unref", ON_OFF)
    iothread = Value("@iothread", INT)
    queues = Value("@queues", INT)
    queue_size = Value("@queue_size", INT)
    metadata_cache = Child("metadata_cache/max_size", ByteSize)
    iothreads = Children("iothreads/iothread", DiskIothread)


class BackingFormat(Element):
    """The format of a backing file, and the cache for its metadata."""

    tag = "format"
    type = Value("@type")
    metadata_cache = Child("metadata_cache/max_size", ByteSize)


class BackingStore(Element):
    """One file of a backing chain; an empty one ends the chain."""

    tag = "backingStore"
    type = Value("@type")
    index = Value("@index", INT)
    format = Child("format", BackingFormat)
    source = Child("source", DiskSource)
    backing_store: Child["BackingStore"] = Child("backingStore")


class Mirror(Element):
    """Where a block job copies the disk to."""

    tag = "mirror"
    type = Value("@type")
    job = Value("@job")
    ready = Value("@ready")
    file = Value("@file")
    file_format = Value("@format")
    format = Child("format", BackingFormat)
    source = Child("source", DiskSource)
    backing_store = Child("backingStore", BackingStore)


class Iotune(Element):
    """Limits of a disk's requests and bytes a second, and of bursts above them."""

    tag = "iotune"
    total_bytes_sec = Value("total_bytes_sec", INT)
    read_bytes_sec = Value("read_bytes_sec", INT)
    write_bytes_sec = Value("write_bytes_sec", INT)
    total_iops_sec = Value("total_iops_sec", INT)
    read_iops_sec = Value("read_iops_sec", INT)
    write_iops_sec = Value("write_iops_sec", INT)
    total_bytes_sec_max = Value("total_bytes_sec_max", INT)
    read_bytes_sec_max = Value("read_bytes_sec_max", INT)
    write_bytes_sec_max = Value("write_bytes_sec_max", INT)
    total_iops_sec_max = Value("total_iops_sec_max", INT)
    read_iops_sec_max = Value("read_iops_sec_max", INT)
    write_iops_sec_max = Value("write_iops_sec_max", INT)
    size_iops_sec = Value("size_iops_sec", INT)
    group_name = Value("group_name")
    total_bytes_sec_max_length = Value("total_bytes_sec_max_length", INT)
    read_bytes_sec_max_length = Value("read_bytes_sec_max_length", INT)
    write_bytes_sec_max_length = Value("write_bytes_sec_max_length", INT)
    total_iops_sec_max_length = Value("total_iops_sec_max_length", INT)
    read_iops_sec_max_length = Value("read_iops_sec_max_length", INT)
    write_iops_sec_max_length = Value("write_iops_sec_max_length", INT)


class DiskTarget(Element):
    """What the guest sees: the device's name and bus."""

    tag = "target"
    dev = Value("@dev")
    bus = Value("@bus")
    tray = Value("@tray")
    removable = Value("@removable", ON_OFF)
    rotation_rate = Value("@rotation_rate", INT)


class Disk(Device):
    """A disk, CD-ROM, floppy or LUN of a guest; known by its target."""

    tag = "disk"
    key = ("target_dev",)
    type = Value("@type")
    device = Value("@device")
    model = Value("@model")
    rawio = Value("@rawio", YES_NO)
    sgio = Value("@sgio")
    snapshot = Value("@snapshot")
    driver = Child("driver", DiskDriver)
    auth = Child("auth", Auth)
    source = Child("source", DiskSource)
    backing_store = Child("backingStore", BackingStore)
    geometry_cyls = Value("geometry/@cyls", INT)
    geometry_heads = Value("geometry/@heads", INT)
    geometry_secs = Value("geometry/@secs", INT)
    geometry_trans = Value("geometry/@trans")
    logical_block_size = Value("blockio/@logical_block_size", INT)
    physical_block_size = Value("blockio/@physical_block_size", INT)
    discard_granularity = Value("blockio/@discard_granularity", INT)
    mirror = Child("mirror", Mirror)
    target = Child("target", DiskTarget)
    iotune = Child("iotune", Iotune)
    readonly = Flag("readonly")
    shareable = Flag("shareable")
    transient = Flag("transient")
    transient_share_backing = Value("transient/@shareBacking", YES_NO)
    serial = Value("serial")
    wwn = Value("wwn")
    vendor = Value("vendor")
    product = Value("product")
    encryption = Child("encryption", Encryption)
    boot_order = Value("boot/@order", INT)
    boot_loadparm = Value("boot/@loadparm")
    backenddomain = Value("backenddomain/@name")

    @property
    def target_dev(self) -> str | None:
        """The target's name, by which libvirt's calls know the disk: ``vda``."""
        return self.target.dev if self.target else None
