"""The small devices: input, sound, rng, tpm, watchdog, balloon, vsock, shmem, panic, iommu, ..."""

from hostmon.xml.chardev import RngBackend
from hostmon.xml.common import Device, Size, VirtioDriver
from hostmon.xml.element import INT, ON_OFF, YES_NO, Child, Children, Element, Flag, Value, Values


class Input(Device):
    """A keyboard, mouse or tablet, or an input device of the host."""

    tag = "input"
    key = ("type", "bus")
    type = Value("@type")
    bus = Value("@bus")
    model = Value("@model")
    driver = Child("driver", VirtioDriver)
    source_evdev = Value("source/@evdev")
    source_dev = Value("source/@dev")
    source_grab = Value("source/@grab")
    source_grab_toggle = Value("source/@grabToggle")
    source_repeat = Value("source/@repeat", ON_OFF)


class Sound(Device):
    """A sound card."""

    tag = "sound"
    model = Value("@model")
    multichannel = Value("@multichannel", YES_NO)
    codecs = Values("codec/@type")
    audio = Value("audio/@id", INT)


class Rng(Device):
    """A source of random numbers for the guest; ``rate_period`` is in ms."""

    tag = "rng"
    model = Value("@model")
    rate_bytes = Value("rate/@bytes", INT)
    rate_period = Value("rate/@period", INT)
    backend = Child("backend", RngBackend)
    driver = Child("driver", VirtioDriver)


class TpmBanks(Element):
    """The PCR banks that are active."""

    tag = "active_pcr_banks"
    sha1 = Flag("sha1")
    sha256 = Flag("sha256")
    sha384 = Flag("sha384")
    sha512 = Flag("sha512")


class TpmBackend(Element):
    """What is behind the TPM: a device of the host, or an emulator."""

    tag = "backend"
    type = Value("@type")
    version = Value("@version")
    persistent_state = Value("@persistent_state", YES_NO)
    device = Value("device/@path")
    encryption_secret = Value("encryption/@secret")
    source_type = Value("source/@type")
    source_path = Value("source/@path")
    source_mode = Value("source/@mode")
    active_pcr_banks = Child("active_pcr_banks", TpmBanks)


class Tpm(Device):
    """A trusted platform module."""

    tag = "tpm"
    model = Value("@model")
    backend = Child("backend", TpmBackend)


class Watchdog(Device):
    """A watchdog, and what happens when it barks."""

    tag = "watchdog"
    key = ("model",)
    model = Value("@model")
    action = Value("@action")


class MemoryBalloon(Device):
    """The balloon that takes memory from the guest and gives it back; statistics every s."""

    tag = "memballoon"
    model = Value("@model")
    autodeflate = Value("@autodeflate", ON_OFF)
    free_page_reporting = Value("@freePageReporting", ON_OFF)
    stats_period = Value("stats/@period", INT)
    driver = Child("driver", VirtioDriver)


class Vsock(Device):
    """Sockets between guest and host; ``cid`` is the guest's address."""

    tag = "vsock"
    model = Value("@model")
    cid_auto = Value("cid/@auto", YES_NO)
    cid = Value("cid/@address", INT)
    driver = Child("driver", VirtioDriver)


class MemorySource(Element):
    """What backs a memory device on the host."""

    tag = "source"
    pagesize = Child("pagesize", Size)
    nodemask = Value("nodemask")
    path = Value("path")
    alignsize = Child("alignsize", Size)
    pmem = Flag("pmem")


class MemoryTarget(Element):
    """What the guest sees of a memory device."""

    tag = "target"
    size = Child("size", Size)
    numa_node = Value("node", INT)
    label_size = Child("label/size", Size)
    readonly = Flag("readonly")
    block = Child("block", Size)
    requested = Child("requested", Size)
    current = Child("current", Size)
    address = Value("address/@base")


class MemoryDevice(Device):
    """A memory module: DIMM, NVDIMM, virtio-pmem, virtio-mem or SGX."""

    tag = "memory"
    model = Value("@model")
    access = Value("@access")
    discard = Value("@discard", YES_NO)
    uuid = Value("uuid")
    source = Child("source", MemorySource)
    target = Child("target", MemoryTarget)


class Shmem(Device):
    """Memory shared between guests; known by its name."""

    tag = "shmem"
    key = ("name",)
    name = Value("@name")
    role = Value("@role")
    model = Value("model/@type")
    size = Child("size", Size)
    server = Flag("server")
    server_path = Value("server/@path")
    msi = Flag("msi")
    msi_vectors = Value("msi/@vectors", INT)
    msi_ioeventfd = Value("msi/@ioeventfd", ON_OFF)


class Panic(Device):
    """A device through which the guest tells of its crash."""

    tag = "panic"
    key = ("model",)
    model = Value("@model")


class Iommu(Device):
    """The guest's own IOMMU."""

    tag = "iommu"
    model = Value("@model")
    intremap = Value("driver/@intremap", ON_OFF)
    caching_mode = Value("driver/@caching_mode", ON_OFF)
    eim = Value("driver/@eim", ON_OFF)
    iotlb = Value("driver/@iotlb", ON_OFF)
    aw_bits = Value("driver/@aw_bits", INT)
    dma_translation = Value("driver/@dma_translation", ON_OFF)


class Hub(Device):
    """A USB hub."""

    tag = "hub"
    type = Value("@type")


class NvramDevice(Device):
    """The non-volatile memory of a pSeries guest."""

    tag = "nvram"


class UsbRule(Element):
    """A rule about redirected USB devices; -1 or absent matches all."""

    tag = "usbdev"
    usb_class = Value("@class")
    vendor = Value("@vendor")
    product = Value("@product")
    version = Value("@version")
    allow = Value("@allow", YES_NO)


class Redirfilter(Element):
    """Which USB devices may be redirected."""

    tag = "redirfilter"
    rules = Children("usbdev", UsbRule)


class Lease(Element):
    """A lock the guest holds while it runs."""

    tag = "lease"
    key = ("lockspace", "lease_key")
    lockspace = Value("lockspace")
    lease_key = Value("key")
    target_path = Value("target/@path")
    target_offset = Value("target/@offset", INT)
