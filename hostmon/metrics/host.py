"""The families of the host: its account, NUMA cells, huge pages, pools, networks and events."""

from hostmon.metrics.family import Metric, Scope, Source, Type

C, G = Type.COUNTER, Type.GAUGE
HOST, ACCOUNT, EVENT, OBJECTS = Scope.HOST, Source.ACCOUNT, Source.EVENT, Source.OBJECTS
AGENT = Source.AGENT


def account(name: str, text: str, *labels: str, source: Source = ACCOUNT) -> Metric:
    """A figure of the host's account, which calls it by the name's end."""
    return Metric(f"hostmon_host_{name}", G, text, source, HOST, name, labels=labels)


def pool(name: str, text: str, source: Source = OBJECTS) -> Metric:
    """A figure of a storage pool."""
    return Metric(f"libvirt_storage_pool_{name}", G, text, source, HOST, f"pool_{name}",
                  labels=("storage_pool",))  # fmt: skip


def events(name: str, text: str, *labels: str) -> Metric:
    """A count of events since the agent began."""
    return Metric(f"hostmon_{name}_total", C, text, EVENT, HOST, name, labels=labels)


CONNECTION = (
    Metric("libvirt_up", G, "1 while libvirt answers.", EVENT, HOST, "up"),
    Metric("libvirt_domains", G, "Guests that are known, running or not.", EVENT, HOST, "guests"),
    Metric("hostmon_guests_skipped", G, "Guests whose monitor does not answer.", AGENT, HOST,
           "guests_skipped"),
    Metric("hostmon_host_machine_info", Type.INFO, "What machine this is.", AGENT, HOST,
           "machine", labels=("manufacturer", "product", "version", "family")),
)  # fmt: skip

VCPUS = (
    account("vcpus", "vCPUs that may be given, before the ratio.", source=ACCOUNT),
    account("vcpus_used", "vCPUs of active guests, and of stops that are not settled."),
    account("vcpus_held", "vCPUs of stops that are not settled."),
    account("vcpus_claimed", "vCPUs granted to schedulers, for guests that do not run yet."),
    account("vcpus_reserved", "vCPUs kept from guests."),
    account("vcpus_free", "vCPUs that are left, with the ratio."),
    account("vcpus_allocated", "vCPUs of all defined guests."),
    account("allocation_ratio", "How often a resource may be given.", "resource"),
)

MEMORY = (
    account("memory_bytes", "Memory of the host."),
    account("memory_used_bytes", "Memory of active guests, and of stops that are not settled."),
    account("memory_held_bytes", "Memory of stops that are not settled."),
    account("memory_claimed_bytes", "Memory granted to schedulers likewise."),
    account("memory_reserved_bytes", "Memory kept from guests."),
    account("memory_free_bytes", "Memory that is left, with the ratio."),
    account("memory_allocated_bytes", "Memory of all defined guests."),
    account("memory_pages_used_bytes", "Memory in use on the host, by whomever."),
)

STORAGE = (
    account("disk_bytes", "Storage of the host for guests."),
    account("disk_used_bytes", "What guests' images occupy."),
    account("disk_claimed_bytes", "Storage granted to schedulers likewise."),
    account("disk_reserved_bytes", "Storage kept from guests."),
    account("disk_free_bytes", "Storage that is left, with the ratio."),
    account("disk_allocated_bytes", "What guests' images may grow to."),
    account("disk_available_least_bytes",
            "What is free less what sparse images may still grow by."),
)  # fmt: skip

FILESYSTEMS = (
    Metric("hostmon_host_filesystem_info", Type.INFO,
           "What holds guests' images; shared is 1 where other hosts see it too: in no total here.",
           ACCOUNT, HOST, "filesystem", labels=("mountpoint", "fstype", "shared")),
    account("filesystem_bytes", "Size of a filesystem that holds guests' images.", "mountpoint"),
    account("filesystem_available_bytes", "What is free of it.", "mountpoint"),
    account("filesystem_growth_bytes", "What its images may still grow by.", "mountpoint"),
    account("filesystem_available_least_bytes",
            "What is free of it less that, unless that is unknown.", "mountpoint"),
    account("filesystem_images", "Images on it that guests write.", "mountpoint"),
    account("filesystem_images_unknown",
            "Those whose growth is not known; without a mountpoint, nor where they are.",
            "mountpoint"),
)  # fmt: skip

CELLS = (
    account("numa_memory_bytes", "Memory of a NUMA cell.", "cell"),
    account("numa_memory_used_bytes", "Memory that guests bind to a cell.", "cell"),
    account("numa_cpus", "Processors of a cell.", "cell"),
    account("numa_vcpus_used", "vCPUs that guests bind to a cell.", "cell"),
    account("hugepages", "Huge pages of a cell.", "cell", "size_bytes"),
    account("hugepages_used", "Huge pages that guests take.", "cell", "size_bytes"),
    account("hugepages_free", "Huge pages that the host has free.", "cell", "size_bytes"),
)

AUDIT = (
    account("audit_disagreement", "Difference that the last audit found, and healed.", "resource"),
    Metric("hostmon_host_audit_healed_total", C, "Disagreements that audits found, and healed.",
           ACCOUNT, HOST, "audit_healed", labels=("resource",)),
    account("audit_timestamp_seconds", "When the last audit ended, since 1970."),
)  # fmt: skip

POOLS = (
    pool("state", "libvirt's number of a pool's state."),
    pool("capacity_bytes", "Size of a pool."),
    pool("allocation_bytes", "What is allocated of a pool."),
    pool("available_bytes", "What is free of a pool."),
    pool("timed_out", "1 while a pool does not answer.", AGENT),
    Metric("hostmon_host_objects_age_seconds", G,
           "Time since storage pools and networks were last read.", AGENT, HOST,
           "objects_age_seconds"),
    Metric("hostmon_host_objects_unread", G,
           "Storage pools, and lists of pools or networks, that could not be read.",
           AGENT, HOST, "objects_unread"),
    Metric("libvirt_network_active", G, "1 while a network is active.", OBJECTS, HOST,
           "network_active", labels=("network",)),
)  # fmt: skip

EVENTS = (
    events("lifecycle_events", "Lifecycle events.", "event"),
    events("process_exits", "QEMU processes whose end the kernel told."),
    events("io_errors", "Disk errors that guests met."),
    events("watchdogs", "Watchdogs of guests that fired."),
    events("crashes", "Guests that crashed."),
    events("agent_lifecycle_events", "Guest agents that came or went.", "state"),
    events("resync_events", "Changes that only a comparison with libvirt found."),
)
