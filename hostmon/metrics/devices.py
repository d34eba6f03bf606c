"""The families of a guest's disks and interfaces, its processes' I/O and its jobs."""

from hostmon.metrics.family import Form, Metric, Scope, Source, Type

C, G, INFO = Type.COUNTER, Type.GAUGE, Type.INFO
KERNEL, LIBVIRT, DEFINITION = Source.KERNEL, Source.LIBVIRT, Source.DEFINITION
GUEST, DISK, INTERFACE = Scope.GUEST, Scope.DISK, Scope.INTERFACE


def disk(
    name: str, kind: Type, text: str, column: str, form: Form = Form.UINT, default: bool = True
) -> Metric:
    """A figure of one disk, which only QEMU's monitor tells."""
    return Metric(f"libvirt_domain_block_stats_{name}", kind, text, LIBVIRT, DISK, column, form,
                  default=default)  # fmt: skip


def limit(name: str, text: str, column: str) -> Metric:
    """One I/O-tune limit of a disk."""
    return Metric(f"libvirt_domain_block_stats_limit_{name}", G, text, LIBVIRT, DISK,
                  f"limit.{column}", default=False)  # fmt: skip


def interface(name: str, text: str, column: str) -> Metric:
    """A counter of one interface, as the guest sees its directions."""
    return Metric(f"libvirt_domain_interface_stats_{name}_total", C, text, KERNEL, INTERFACE,
                  column)  # fmt: skip


def iothread(name: str, text: str, column: str, form: Form = Form.UINT) -> Metric:
    """A figure of how one iothread polls."""
    return Metric(f"libvirt_domain_iothread_poll_{name}", G, text, LIBVIRT, Scope.IOTHREAD, column,
                  form, default=False)  # fmt: skip


def job(name: str, text: str, column: str, form: Form = Form.UINT, default: bool = False) -> Metric:
    """A figure of a guest's job; there is none without a job."""
    return Metric(f"libvirt_domain_job_{name}", G, text, LIBVIRT, Scope.JOB, column, form,
                  default=default)  # fmt: skip


LIMITED = {
    "total_bytes": "Bytes", "read_bytes": "Bytes read", "write_bytes": "Bytes written",
    "total_requests": "Requests", "read_requests": "Reads", "write_requests": "Writes",
}  # fmt: skip
"""What I/O-tune limits (virDomainGetBlockIoTune), for long or for a burst, and of what."""

DISKS = (
    Metric("libvirt_domain_block_stats_info", INFO, "What a disk is.", DEFINITION, Scope.DISK_INFO,
           form=Form.ONE,
           labels=("disk_type", "target_bus", "driver_name", "driver_type", "driver_cache",
                   "driver_discard", "source_file", "source_protocol", "serial")),
    disk("read_bytes_total", C, "Bytes read.", "read_bytes"),
    disk("read_requests_total", C, "Read requests.", "read_requests"),
    disk("read_time_seconds_total", C, "Time spent reading.", "read_ns", Form.NANO),
    disk("write_bytes_total", C, "Bytes written.", "write_bytes"),
    disk("write_requests_total", C, "Write requests.", "write_requests"),
    disk("write_time_seconds_total", C, "Time spent writing.", "write_ns", Form.NANO),
    disk("flush_requests_total", C, "Flush requests.", "flush_requests"),
    disk("flush_time_seconds_total", C, "Time spent flushing.", "flush_ns", Form.NANO),
    disk("capacity_bytes", G, "Size that the guest sees.", "capacity"),
    disk("allocation_bytes", G, "What the image occupies, or its highest offset.",
         "allocation"),
    disk("physical_bytes", G, "Size of the image as the host sees it.", "physical"),
    disk("errors_total", C, "Requests that failed.", "errors", default=False),
    *(limit(f"{each}_per_second", f"{what} a second allowed; 0 is no limit.", each)
      for each, what in LIMITED.items()),
    *(limit(f"burst_{each}_per_second", f"{what} a second allowed in a burst; 0 is no limit.",
            f"{each}_burst") for each, what in LIMITED.items()),
    *(limit(f"burst_of_{each.replace('bytes', 'traffic')}_seconds",
            f"How long a burst of {what.lower()} may last.", f"{each}_burst_s")
      for each, what in LIMITED.items()),
    limit("request_size_bytes", "Bytes of a request from which it counts as several; 0 is none.",
          "request_size"),
)  # fmt: skip

INTERFACES = (
    Metric(
        "libvirt_domain_interface_stats_info",
        INFO,
        "What an interface is.",
        DEFINITION,
        Scope.INTERFACE_INFO,
        form=Form.ONE,
        labels=("interface_type", "source_bridge", "mac_address", "model_type", "mtu_size"),
    ),
    interface("receive_bytes", "Bytes that the guest received.", "rx_bytes"),
    interface("receive_packets", "Packets that the guest received.", "rx_packets"),
    interface("receive_errors", "Receive errors.", "rx_errors"),
    interface("receive_drops", "Packets to the guest that were dropped.", "rx_drops"),
    interface("transmit_bytes", "Bytes that the guest sent.", "tx_bytes"),
    interface("transmit_packets", "Packets that the guest sent.", "tx_packets"),
    interface("transmit_errors", "Transmit errors.", "tx_errors"),
    interface("transmit_drops", "Packets from the guest that were dropped.", "tx_drops"),
)

PROCESS = (
    Metric("libvirt_domain_process_read_bytes_total", C,
           "Bytes that a guest's process read from storage.", KERNEL, GUEST, "io.read_bytes"),
    Metric("libvirt_domain_process_write_bytes_total", C,
           "Bytes that a guest's process sent to storage.", KERNEL, GUEST, "io.write_bytes"),
    Metric("libvirt_domain_pressure_cpu_waiting_seconds_total", C,
           "Time that tasks of a guest waited for a processor.", KERNEL, GUEST,
           "pressure.cpu_some_ns", Form.NANO, default=False),
    Metric("libvirt_domain_pressure_memory_waiting_seconds_total", C,
           "Time that tasks of a guest waited for memory.", KERNEL, GUEST,
           "pressure.memory_some_ns", Form.NANO, default=False),
    Metric("libvirt_domain_pressure_memory_stalled_seconds_total", C,
           "Time that no task of a guest could run for want of memory.", KERNEL, GUEST,
           "pressure.memory_full_ns", Form.NANO, default=False),
    Metric("libvirt_domain_pressure_io_waiting_seconds_total", C,
           "Time that tasks of a guest waited for storage.", KERNEL, GUEST, "pressure.io_some_ns",
           Form.NANO, default=False),
    Metric("libvirt_domain_pressure_io_stalled_seconds_total", C,
           "Time that no task of a guest could run for waiting on storage.", KERNEL, GUEST,
           "pressure.io_full_ns", Form.NANO, default=False),
)  # fmt: skip

JOBS = (
    job("info_type", "libvirt's number of the job's type.", "type"),
    job("elapsed_seconds", "Time since the job began.", "elapsed_ns", Form.NANO),
    job("remaining_seconds", "Time until the job ends, as libvirt guesses.", "remaining_ns",
        Form.NANO),
    job("info_data_total_bytes", "What the job moves in all.", "data_total"),
    job("info_data_processed_bytes", "What it has moved.", "data_processed"),
    job("info_data_remaining_bytes", "What is left to move.", "data_remaining", default=True),
    job("info_memory_total_bytes", "Memory that the job moves.", "memory_total"),
    job("info_memory_processed_bytes", "Memory that it has moved.", "memory_processed"),
    job("info_memory_remaining_bytes", "Memory that is left.", "memory_remaining"),
    job("info_file_total_bytes", "Storage that the job moves.", "disk_total"),
    job("info_file_processed_bytes", "Storage that it has moved.", "disk_processed"),
    job("info_file_remaining_bytes", "Storage that is left.", "disk_remaining"),
    job("info_operation", "libvirt's number of what the job does.", "operation"),
    job("downtime_seconds", "Time that the guest stands still, as libvirt guesses.",
        "downtime_ns", Form.NANO),
    job("memory_bytes_per_second", "Rate at which memory moves.", "memory_bytes_per_s"),
    job("dirty_pages_per_second", "Rate at which the guest changes pages.", "dirty_pages_per_s"),
    job("memory_iteration", "Pass over the memory.", "iteration"),
    job("file_bytes_per_second", "Rate at which storage moves.", "disk_bytes_per_s"),
    Metric("libvirt_domain_dirty_rate_bytes_per_second", G,
           "Memory that the guest changed a second, when last measured.", LIBVIRT, GUEST,
           "dirty.bytes_per_s", default=False),
)  # fmt: skip

IOTHREADS = (
    iothread("max_seconds", "Longest time that an iothread polls before it sleeps.", "poll_max_ns",
             Form.NANO),
    iothread("grow", "Factor by which an iothread polls longer; 0 is QEMU's own.", "poll_grow"),
    iothread("shrink", "Divisor by which an iothread polls less; 0 is QEMU's own.", "poll_shrink"),
)  # fmt: skip

PERF = (
    Metric("libvirt_domain_perf_events_total", C,
           "Count of a perf event that is on for a guest, in libvirt's words.", LIBVIRT,
           Scope.PERF, "value", default=False),
)  # fmt: skip
