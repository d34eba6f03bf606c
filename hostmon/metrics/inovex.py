"""The families of prometheus-libvirt-exporter 2.5 (inovex's): 67 names.

Where hostmon's own catalogue has the name, it is the same family. The others are those whose unit
or type that exporter gets wrong, and which hostmon therefore calls otherwise: they are declared
here as that exporter serves them.
"""

from hostmon.metrics.catalogue import CATALOGUE
from hostmon.metrics.family import Form, Metric, Scope, Source, Type, Zero

G = Type.GAUGE
LIBVIRT, EVENT = Source.LIBVIRT, Source.EVENT

SAME = (
    "libvirt_up", "libvirt_domains", "libvirt_domain_timed_out", "libvirt_domain_info",
    "libvirt_domain_openstack_info",
    *(f"libvirt_domain_info_{name}" for name in (
        "maximum_memory_bytes", "memory_usage_bytes", "virtual_cpus", "cpu_time_seconds_total")),
    *(f"libvirt_domain_job_info_{name}" for name in (
        "type", "data_total_bytes", "data_processed_bytes", "data_remaining_bytes",
        "memory_total_bytes", "memory_processed_bytes", "memory_remaining_bytes",
        "file_total_bytes", "file_processed_bytes", "file_remaining_bytes")),
    *(f"libvirt_domain_memory_stats_{name}" for name in (
        "current_balloon_bytes", "maximum_bytes", "major_fault_total", "minor_fault_total",
        "unused_bytes", "available_bytes", "usable_bytes", "last_update_timestamp_seconds",
        "disk_caches_bytes", "rss_bytes")),
    *(f"libvirt_domain_block_stats_{name}" for name in (
        "info", "read_bytes_total", "read_requests_total", "write_bytes_total",
        "write_requests_total", "read_time_seconds_total", "write_time_seconds_total",
        "flush_requests_total", "flush_time_seconds_total", "capacity_bytes")),
    *(f"libvirt_domain_interface_stats_{name}" for name in (
        "info", "receive_bytes_total", "receive_packets_total", "receive_errors_total",
        "receive_drops_total", "transmit_bytes_total", "transmit_packets_total",
        "transmit_errors_total", "transmit_drops_total")),
    *(f"libvirt_domain_vcpu_{name}" for name in (
        "current", "maximum", "state", "time_seconds_total", "wait_seconds_total",
        "delay_seconds_total")),
    *(f"libvirt_storage_pool_{name}" for name in (
        "state", "capacity_bytes", "allocation_bytes", "available_bytes", "timed_out")),
)  # fmt: skip
"""What hostmon calls the same."""


CPU_TIME = "libvirt_domain_info_cpu_time_seconds_total"

OF_EVERY_GUEST = (
    CPU_TIME,
    "libvirt_domain_timed_out", "libvirt_domain_info", "libvirt_domain_openstack_info",
    *(f"libvirt_domain_info_{name}" for name in (
        "maximum_memory_bytes", "memory_usage_bytes", "virtual_cpus")),
)  # fmt: skip
"""What that exporter serves of guests that do not run too; of those the time is 0."""


def same(name: str) -> Metric:
    """A family of the catalogue, but of guests that run where a guest has it, and always on.

    A job's figures are 0 of a guest that has none.
    """
    found = next(metric for metric in CATALOGUE if metric.name == name)
    labels = tuple(label for label in found.labels if label != "uuid")
    zero = Zero.JOBLESS if found.scope is Scope.JOB else Zero.NONE
    return found._replace(
        labels=labels,
        default=True,
        running=name not in OF_EVERY_GUEST,
        zero=Zero.OFF if name == CPU_TIME else zero,
    )


def balloon(name: str, text: str, column: str, form: Form = Form.UINT) -> Metric:
    """A balloon figure that is a counter, or a percentage, and served as a gauge."""
    return Metric(f"libvirt_domain_memory_stats_{name}", G, text, LIBVIRT, Scope.GUEST,
                  f"balloon.{column}", form, running=True)  # fmt: skip


OWN = (
    Metric("libvirt_domain_info_state", G, "Code of the domain state", EVENT, Scope.STATE, "state",
           Form.STATE_CODE, labels=("state_desc",)),
    Metric("libvirt_domain_job_info_time_elapsed_seconds", G,
           "Milliseconds since the job began, whatever the name says.", LIBVIRT, Scope.JOB,
           "elapsed_ns", Form.MILLI, running=True, zero=Zero.JOBLESS),
    Metric("libvirt_domain_job_info_time_remaining_seconds", G,
           "Milliseconds until the job ends, whatever the name says.", LIBVIRT, Scope.JOB,
           "remaining_ns", Form.MILLI, running=True, zero=Zero.JOBLESS),
    balloon("swap_in_bytes", "Memory read from the guest's swap, a counter.", "swap_in"),
    balloon("swap_out_bytes", "Memory sent to the guest's swap, a counter.", "swap_out"),
    balloon("hugetlb_pgalloc_total", "Huge pages allocated, a counter.", "hugetlb_allocations"),
    balloon("hugetlb_pgfail_total", "Huge pages not allocated, a counter.", "hugetlb_failures"),
    balloon("used_percent", "Share of memory that the guest uses.", "available",
            Form.PERCENT_USED),
)  # fmt: skip

INOVEX = (*(same(name) for name in SAME), *OWN)
