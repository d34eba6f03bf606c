"""What one emulator and machine type can do: CPU models, firmware, devices, features."""

from hostmon.xml.common import Size
from hostmon.xml.cpu import Feature, MaxPhysAddr
from hostmon.xml.element import INT, YES_NO, Child, Children, Element, Value, Values


class Choices(Element):
    """The values that one attribute may have."""

    tag = "enum"
    key = ("name",)
    name = Value("@name")
    values = Values("value")


class Supported(Element):
    """Whether something is supported, and the values its attributes may have."""

    tag = "supported"
    supported = Value("@supported", YES_NO)
    enums = Children("enum", Choices)

    def choices(self, name: str) -> tuple[str, ...]:
        """The values that this attribute may have; none where it is not listed."""
        return next((enum.values for enum in self.enums if enum.name == name), ())


class LoaderSupport(Supported):
    """The firmware files and types that can be named."""

    tag = "loader"
    paths = Values("value")


class OsSupport(Supported):
    """Firmware that can be chosen automatically or named."""

    tag = "os"
    loader = Child("loader", LoaderSupport)


class UsableModel(Element):
    """A CPU model, and whether this host can run it."""

    tag = "model"
    key = ("name",)
    name = Value(".")
    fallback = Value("@fallback")
    vendor_id = Value("@vendor_id")
    usable = Value("@usable")
    deprecated = Value("@deprecated", YES_NO)
    vendor = Value("@vendor")


class Blockers(Element):
    """The features for lack of which a model cannot run."""

    tag = "blockers"
    key = ("model",)
    model = Value("@model")
    features = Values("feature/@name")


class CpuMode(Supported):
    """One CPU mode, and the models that go with it."""

    tag = "mode"
    key = ("name",)
    name = Value("@name")
    models = Children("model", UsableModel)
    vendor = Value("vendor")
    maxphysaddr = Child("maxphysaddr", MaxPhysAddr)
    features = Children("feature", Feature)
    blockers = Children("blockers", Blockers)


class SevSupport(Supported):
    """AMD's encrypted memory."""

    tag = "sev"
    cbitpos = Value("cbitpos", INT)
    reduced_phys_bits = Value("reducedPhysBits", INT)
    max_guests = Value("maxGuests", INT)
    max_es_guests = Value("maxESGuests", INT)
    cpu0_id = Value("cpu0Id")


class SgxSection(Element):
    """Enclave memory of one node."""

    tag = "section"
    key = ("node_id",)
    node_id = Value("@node", INT)
    size = Value("@size", INT)
    unit = Value("@unit")


class SgxSupport(Supported):
    """Intel's enclaves."""

    tag = "sgx"
    flc = Value("flc", YES_NO)
    sgx1 = Value("sgx1", YES_NO)
    sgx2 = Value("sgx2", YES_NO)
    section_size = Child("section_size", Size)
    sections = Children("sections/section", SgxSection)


class DeviceSupport(Element):
    """What devices can be had."""

    tag = "devices"
    disk = Child("disk", Supported)
    graphics = Child("graphics", Supported)
    video = Child("video", Supported)
    hostdev = Child("hostdev", Supported)
    rng = Child("rng", Supported)
    filesystem = Child("filesystem", Supported)
    tpm = Child("tpm", Supported)
    redirdev = Child("redirdev", Supported)
    channel = Child("channel", Supported)
    crypto = Child("crypto", Supported)
    interface = Child("interface", Supported)
    panic = Child("panic", Supported)
    console = Child("console", Supported)


class FeatureSupport(Element):
    """What features can be had."""

    tag = "features"
    gic = Child("gic", Supported)
    vmcoreinfo = Child("vmcoreinfo", Supported)
    genid = Child("genid", Supported)
    backing_store_input = Child("backingStoreInput", Supported)
    backup = Child("backup", Supported)
    async_teardown = Child("async-teardown", Supported)
    s390_pv = Child("s390-pv", Supported)
    ps2 = Child("ps2", Supported)
    sev = Child("sev", SevSupport)
    sgx = Child("sgx", SgxSupport)
    hyperv = Child("hyperv", Supported)
    launch_security = Child("launchSecurity", Supported)


class DomainCapabilities(Element):
    """Everything ``virConnectGetDomainCapabilities`` tells."""

    tag = "domainCapabilities"
    path = Value("path")
    domain = Value("domain")
    machine = Value("machine")
    arch = Value("arch")
    max_vcpus = Value("vcpu/@max", INT)
    iothreads = Child("iothreads", Supported)
    os = Child("os", OsSupport)
    cpu_modes = Children("cpu/mode", CpuMode)
    memory_backing = Child("memoryBacking", Supported)
    devices = Child("devices", DeviceSupport)
    features = Child("features", FeatureSupport)
