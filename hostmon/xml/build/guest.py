"""A whole guest from a request and a host: ``guest_xml(request, host)``.

The host's capabilities decide: what it cannot do is refused with the reason and the alternatives,
never left to fail when the guest starts.
"""

from collections.abc import Iterator

from hostmon.errors import RequestRefusedError
from hostmon.xml import devices as small
from hostmon.xml.build.cpu import guest_cpu, guest_numatune
from hostmon.xml.build.disk import guest_storage
from hostmon.xml.build.facts import Facts, accelerated, architecture, choose_device, refuse
from hostmon.xml.build.machine import (
    guest_memory_backing, guest_os, guest_pci_device, guest_sysinfo, machine_type,
)  # fmt: skip
from hostmon.xml.build.network import guest_interface
from hostmon.xml.build.requests import GuestRequest
from hostmon.xml.chardev import Channel, CharSource, CharTarget, RngBackend, Serial
from hostmon.xml.clock import Clock, Timer
from hostmon.xml.domain import Domain
from hostmon.xml.domaincaps import DeviceSupport, DomainCapabilities
from hostmon.xml.element import Element
from hostmon.xml.features import Apic, Features, Smm
from hostmon.xml.graphics import Graphics, Listen
from hostmon.xml.memory import Memory
from hostmon.xml.metadata import Metadata
from hostmon.xml.parsing import load
from hostmon.xml.vcpus import Vcpus
from hostmon.xml.video import Video, VideoModel

# The best card first; taken is the first one the emulator has.
VIDEO_MODELS = ("virtio", "vga", "cirrus", "bochs")


def guest_xml(request: GuestRequest, host: Facts) -> str:
    """The description to define; raises RequestRefusedError for what the host cannot do."""
    return guest_config(request, host).to_xml(pretty=True)


def guest_config(request: GuestRequest, host: Facts) -> Domain:
    """The description as an object, to change further."""
    if not request.name or "/" in request.name:
        refuse("name", request.name, "cannot name a guest", "give a name without a slash")
    capabilities = host.capabilities()
    arch = architecture(capabilities, request.arch)
    way = accelerated(arch, request.virt_type)
    machine = machine_type(request.machine, arch, way)
    virt_type = str(way.type)
    caps = host.domain_capabilities(arch=request.arch, machine=machine, virt_type=virt_type)
    if not 1 <= request.vcpus <= (caps.max_vcpus or request.vcpus):
        refuse("vcpus", request.vcpus, f"do not fit {machine}", f"ask for 1 to {caps.max_vcpus}")
    if request.memory <= 0 or request.memory % 1024:
        refuse("memory", request.memory, "is not a number of KiB", "round it up to 1024 bytes")
    domain = Domain(
        type=virt_type,
        name=request.name,
        uuid=request.uuid,
        title=request.title,
        memory=Memory(unit="KiB", value=request.memory >> 10),
        current_memory=Memory(unit="KiB", value=request.memory >> 10),
        vcpu=Vcpus(count=request.vcpus, placement="static", cpuset=request.cpuset),
        os=guest_os(request, machine, caps),
        features=_features(request),
        cpu=guest_cpu(request.cpu, request.vcpus, request.memory, caps),
        numatune=guest_numatune(request.cpu),
        clock=_clock(request),
        emulator=caps.path,
    )
    if request.hugepages is not None:
        domain.memory_backing = guest_memory_backing(
            request.hugepages, request.memory, capabilities
        )
    if request.sysinfo is not None:
        domain.sysinfos.append(guest_sysinfo(request.sysinfo))
    if request.metadata:
        domain.metadata = _metadata(request.metadata)
    domain.devices.extend(_devices(request, machine, caps))
    return domain


def _features(request: GuestRequest) -> Features | None:
    if request.arch not in ("x86_64", "i686"):
        return None
    features = Features(acpi=True, apic=Apic())
    if request.secure_boot:
        features.smm = Smm(state=True)
    return features


def _clock(request: GuestRequest) -> Clock:
    """UTC, with the timers that keep a guest's time right when it misses ticks."""
    clock = Clock(offset="utc")
    if request.arch in ("x86_64", "i686"):
        clock.timers = [
            Timer(name="pit", tickpolicy="delay"),
            Timer(name="rtc", tickpolicy="catchup"),
            Timer(name="hpet", present=False),
        ]
    return clock


def _metadata(documents: tuple[str, ...]) -> Metadata:
    metadata = Metadata()
    for text in documents:
        root = load(text)
        uri = root.nsmap.get(root.prefix)
        if uri is None:
            raise RequestRefusedError("metadata: has no namespace; declare one with xmlns")
        metadata.set(uri, text)
    return metadata


def _devices(request: GuestRequest, machine: str, caps: DomainCapabilities) -> Iterator[Element]:
    devices = caps.devices or DeviceSupport()
    yield from guest_storage(request.disks, machine, caps)
    yield from map(guest_interface, request.interfaces)
    if request.console_log is not None:
        yield Serial(type="file", sources=[CharSource(path=request.console_log, append=True)])
    else:
        yield Serial(type="pty", target=CharTarget(port=0))
    if request.guest_agent:
        agent = CharTarget(type="virtio", name="org.qemu.guest_agent.0")
        yield Channel(type="unix", target=agent)
    if request.graphics is not None:
        choose_device("graphics", request.graphics, devices.graphics, "type")
        yield Graphics(
            type=request.graphics,
            autoport=True,
            listens=[Listen(type="address", address="127.0.0.1")],
        )
        yield Video(model=VideoModel(type=_video(caps)))
    for address in request.pci_devices:
        yield guest_pci_device(address, caps)
    yield small.MemoryBalloon(model="virtio", stats_period=request.stats_period or None)
    if request.rng:
        choose_device("rng", "virtio", devices.rng, "model")
        yield small.Rng(model="virtio", backend=RngBackend(model="random", path="/dev/urandom"))


def _video(caps: DomainCapabilities) -> str:
    support = caps.devices.video if caps.devices else None
    offered = support.choices("modelType") if support else ()
    return next((model for model in VIDEO_MODELS if model in offered), VIDEO_MODELS[1])
