"""What the guest's virtual machine offers: ACPI, hyperv and kvm features, and the like."""

from hostmon.xml.common import Size, Toggle
from hostmon.xml.element import INT, ON_OFF, Child, Children, Element, Flag, Value


class Apic(Element):
    """The interrupt controller, with paravirtualised end of interrupt or without."""

    tag = "apic"
    eoi = Value("@eoi", ON_OFF)


class Spinlocks(Toggle):
    """After how many tries a vCPU tells the hypervisor that it spins."""

    retries = Value("@retries", INT)


class Stimer(Toggle):
    """Synthetic timers, in direct mode or not."""

    direct = Child("direct", Toggle)


class VendorId(Toggle):
    """The hypervisor vendor that the guest is told."""

    value = Value("@value")


class HypervTlbFlush(Toggle):
    """Paravirtualised TLB flushes and their extensions."""

    direct = Child("direct", Toggle)
    extended = Child("extended", Toggle)


class Hyperv(Element):
    """Hyper-V enlightenments, for Windows guests."""

    tag = "hyperv"
    mode = Value("@mode")
    relaxed = Child("relaxed", Toggle)
    vapic = Child("vapic", Toggle)
    spinlocks = Child("spinlocks", Spinlocks)
    vpindex = Child("vpindex", Toggle)
    runtime = Child("runtime", Toggle)
    synic = Child("synic", Toggle)
    stimer = Child("stimer", Stimer)
    reset = Child("reset", Toggle)
    vendor_id = Child("vendor_id", VendorId)
    frequencies = Child("frequencies", Toggle)
    reenlightenment = Child("reenlightenment", Toggle)
    tlbflush = Child("tlbflush", HypervTlbFlush)
    ipi = Child("ipi", Toggle)
    evmcs = Child("evmcs", Toggle)
    avic = Child("avic", Toggle)
    emsr_bitmap = Child("emsr_bitmap", Toggle)
    xmm_input = Child("xmm_input", Toggle)


class DirtyRing(Toggle):
    """The ring in which KVM notes pages the guest wrote to."""

    size = Value("@size", INT)


class Kvm(Element):
    """What KVM shows of itself, and hides."""

    tag = "kvm"
    hidden = Child("hidden", Toggle)
    hint_dedicated = Child("hint-dedicated", Toggle)
    poll_control = Child("poll-control", Toggle)
    pv_ipi = Child("pv-ipi", Toggle)
    dirty_ring = Child("dirty-ring", DirtyRing)


class XenPassthrough(Toggle):
    """Whether devices may be passed through, and how the IOMMU's tables are kept."""

    mode = Value("@mode")


class Xen(Element):
    """Features of the Xen hypervisor."""

    tag = "xen"
    e820_host = Child("e820_host", Toggle)
    passthrough = Child("passthrough", XenPassthrough)


CAPABILITIES = (
    "audit_control", "audit_write", "block_suspend", "chown", "dac_override", "dac_read_search",
    "fowner", "fsetid", "ipc_lock", "ipc_owner", "kill", "lease", "linux_immutable", "mac_admin",
    "mac_override", "mknod", "net_admin", "net_bind_service", "net_broadcast", "net_raw", "setgid",
    "setfcap", "setpcap", "setuid", "sys_admin", "sys_boot", "sys_chroot", "sys_module", "sys_nice",
    "sys_pacct", "sys_ptrace", "sys_rawio", "sys_resource", "sys_time", "sys_tty_config", "syslog",
    "wake_alarm",
)  # fmt: skip


class ContainerCapabilities(Element):
    """The Linux capabilities of a container; each entry's element is named for one."""

    tag = "capabilities"
    policy = Value("@policy")
    entries = Children("*", dict.fromkeys(CAPABILITIES, Toggle))


class Smm(Toggle):
    """System management mode and the memory set aside for it."""

    tseg = Child("tseg", Size)


class Hpt(Element):
    """How a pSeries guest's page table is resized."""

    tag = "hpt"
    resizing = Value("@resizing")
    max_page_size = Child("maxpagesize", Size)


class Features(Element):
    """All features of the virtual machine."""

    tag = "features"
    pae = Flag("pae")
    acpi = Flag("acpi")
    apic = Child("apic", Apic)
    hap = Child("hap", Toggle)
    viridian = Flag("viridian")
    privnet = Flag("privnet")
    hyperv = Child("hyperv", Hyperv)
    kvm = Child("kvm", Kvm)
    xen = Child("xen", Xen)
    pvspinlock = Child("pvspinlock", Toggle)
    pmu = Child("pmu", Toggle)
    vmport = Child("vmport", Toggle)
    gic = Flag("gic")
    gic_version = Value("gic/@version")
    smm = Child("smm", Smm)
    ioapic_driver = Value("ioapic/@driver")
    hpt = Child("hpt", Hpt)
    vmcoreinfo = Child("vmcoreinfo", Toggle)
    htm = Child("htm", Toggle)
    nested_hv = Child("nested-hv", Toggle)
    msrs_unknown = Value("msrs/@unknown")
    ccf_assist = Child("ccf-assist", Toggle)
    cfpc = Value("cfpc/@value")
    sbbc = Value("sbbc/@value")
    ibs = Value("ibs/@value")
    tcg_tb_cache = Child("tcg/tb-cache", Size)
    async_teardown = Value("async-teardown/@enabled")
    ras = Child("ras", Toggle)
    ps2 = Child("ps2", Toggle)
    aia = Value("aia/@value")
    capabilities = Child("capabilities", ContainerCapabilities)
