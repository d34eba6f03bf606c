"""A guest's whole description: ``Domain.parse(xml)``, typed access, ``to_xml()``."""

from hostmon.xml import devices as small
from hostmon.xml.audio import Audio
from hostmon.xml.boot import Os
from hostmon.xml.chardev import Channel, Console, Parallel, Redirdev, Serial, Smartcard
from hostmon.xml.clock import Clock, PowerManagement
from hostmon.xml.controller import Controller
from hostmon.xml.cpu import Cpu
from hostmon.xml.cputune import CpuTune
from hostmon.xml.disk import Disk
from hostmon.xml.element import INT, YES_NO, Child, Children, Element, Flag, Value
from hostmon.xml.features import Features
from hostmon.xml.filesystem import Filesystem
from hostmon.xml.graphics import Graphics
from hostmon.xml.hostdev import Hostdev
from hostmon.xml.hypervisor import (
    BhyveCommandLine,
    CommandLine,
    LxcNamespaces,
    Override,
    QemuCapabilities,
    XenCommandLine,
)  # fmt: skip
from hostmon.xml.interface import Interface
from hostmon.xml.memory import MaxMemory, Memory, MemoryBacking, MemoryTune, NumaTune
from hostmon.xml.metadata import Metadata
from hostmon.xml.security import IdMap, KeyWrap, LaunchSecurity, Seclabel
from hostmon.xml.sysinfo import Sysinfo
from hostmon.xml.vcpus import Iothread, Vcpu, Vcpus
from hostmon.xml.video import Video

# Every device libvirt knows, by its element: what ``attach`` and ``detach`` take alone.
DEVICES: dict[str, type[Element]] = {
    cls.tag: cls
    for cls in (
        Disk, Controller, small.Lease, Filesystem, Interface, Smartcard, Serial, Parallel, Console,
        Channel, small.Input, small.Tpm, Graphics, small.Sound, Audio, Video, Hostdev, Redirdev,
        small.Redirfilter, small.Hub, small.Watchdog, small.MemoryBalloon, small.Rng,
        small.NvramDevice, small.Panic, small.Shmem, small.MemoryDevice, small.Iommu, small.Vsock,
    )
}  # fmt: skip


class BlkioDevice(Element):
    """Limits and weight of one block device of the host."""

    tag = "device"
    key = ("path",)
    path = Value("path")
    weight = Value("weight", INT)
    read_iops_sec = Value("read_iops_sec", INT)
    write_iops_sec = Value("write_iops_sec", INT)
    read_bytes_sec = Value("read_bytes_sec", INT)
    write_bytes_sec = Value("write_bytes_sec", INT)


class BlkioTune(Element):
    """The guest's share of the host's block devices."""

    tag = "blkiotune"
    weight = Value("weight", INT)
    devices = Children("device", BlkioDevice)


class PerfEvent(Element):
    """A hardware counter that is counted for the guest, or not."""

    tag = "event"
    key = ("name",)
    name = Value("@name")
    enabled = Value("@enabled", YES_NO)


class Domain(Element):
    """A guest. Sizes know their bytes: ``domain.memory.bytes``."""

    tag = "domain"
    type = Value("@type")
    id = Value("@id", INT)
    name = Value("name")
    uuid = Value("uuid")
    genid_present = Flag("genid")
    genid = Value("genid")
    title = Value("title")
    description = Value("description")
    metadata = Child("metadata", Metadata)
    max_memory = Child("maxMemory", MaxMemory)
    memory = Child("memory", Memory)
    current_memory = Child("currentMemory", Memory)
    memory_backing = Child("memoryBacking", MemoryBacking)
    memtune = Child("memtune", MemoryTune)
    blkiotune = Child("blkiotune", BlkioTune)
    vcpu = Child("vcpu", Vcpus)
    vcpus = Children("vcpus/vcpu", Vcpu)
    iothreads = Value("iothreads", INT)
    iothreadids = Children("iothreadids/iothread", Iothread)
    defaultiothread = Child("defaultiothread", Iothread)
    cputune = Child("cputune", CpuTune)
    numatune = Child("numatune", NumaTune)
    partition = Value("resource/partition")
    fibrechannel_appid = Value("resource/fibrechannel/@appid")
    sysinfos = Children("sysinfo", Sysinfo)
    bootloader = Value("bootloader")
    bootloader_args = Value("bootloader_args")
    os = Child("os", Os)
    idmap = Child("idmap", IdMap)
    features = Child("features", Features)
    cpu = Child("cpu", Cpu)
    clock = Child("clock", Clock)
    on_poweroff = Value("on_poweroff")
    on_reboot = Value("on_reboot")
    on_crash = Value("on_crash")
    on_lockfailure = Value("on_lockfailure")
    pm = Child("pm", PowerManagement)
    perf_events = Children("perf/event", PerfEvent)
    emulator = Value("devices/emulator")
    devices = Children("devices/*", DEVICES)
    seclabels = Children("seclabel", Seclabel)
    keywraps = Children("keywrap/cipher", KeyWrap)
    launch_security = Child("launchSecurity", LaunchSecurity)
    qemu_commandline = Child("qemu:commandline", CommandLine)
    qemu_capabilities = Child("qemu:capabilities", QemuCapabilities)
    qemu_override = Child("qemu:override", Override)
    qemu_deprecation = Value("qemu:deprecation/@behavior")
    lxc_namespace = Child("lxc:namespace", LxcNamespaces)
    bhyve_commandline = Child("bhyve:commandline", BhyveCommandLine)
    xen_commandline = Child("xen:commandline", XenCommandLine)
    vmware_datacenterpath = Value("vmware:datacenterpath")

    # The same devices by kind; a change here is a change there.
    disks = Children("devices/disk", Disk)
    controllers = Children("devices/controller", Controller)
    leases = Children("devices/lease", small.Lease)
    filesystems = Children("devices/filesystem", Filesystem)
    interfaces = Children("devices/interface", Interface)
    smartcards = Children("devices/smartcard", Smartcard)
    serials = Children("devices/serial", Serial)
    parallels = Children("devices/parallel", Parallel)
    consoles = Children("devices/console", Console)
    channels = Children("devices/channel", Channel)
    inputs = Children("devices/input", small.Input)
    tpms = Children("devices/tpm", small.Tpm)
    graphics = Children("devices/graphics", Graphics)
    sounds = Children("devices/sound", small.Sound)
    audios = Children("devices/audio", Audio)
    videos = Children("devices/video", Video)
    hostdevs = Children("devices/hostdev", Hostdev)
    redirdevs = Children("devices/redirdev", Redirdev)
    redirfilters = Children("devices/redirfilter", small.Redirfilter)
    hubs = Children("devices/hub", small.Hub)
    watchdogs = Children("devices/watchdog", small.Watchdog)
    memballoons = Children("devices/memballoon", small.MemoryBalloon)
    rngs = Children("devices/rng", small.Rng)
    nvrams = Children("devices/nvram", small.NvramDevice)
    panics = Children("devices/panic", small.Panic)
    shmems = Children("devices/shmem", small.Shmem)
    memory_devices = Children("devices/memory", small.MemoryDevice)
    iommus = Children("devices/iommu", small.Iommu)
    vsocks = Children("devices/vsock", small.Vsock)
