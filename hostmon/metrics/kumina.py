"""The families of prometheus-libvirt-exporter 0.2.0 (kumina's, as Debian ships it).

Names, labels, types and HELP texts are that exporter's; it lists guests that run.
"""

from hostmon.metrics.family import Form, Metric, Scope, Source, Type

C, G = Type.COUNTER, Type.GAUGE
KERNEL, LIBVIRT, EVENT = Source.KERNEL, Source.LIBVIRT, Source.EVENT


def guest(name: str, kind: Type, text: str, source: Source, column: str, form: Form) -> Metric:
    """A figure of a guest that runs."""
    return Metric(f"libvirt_domain_{name}", kind, text, source, Scope.GUEST, column, form,
                  running=True)  # fmt: skip


def disk(name: str, text: str, column: str) -> Metric:
    """A counter of a disk."""
    return Metric(f"libvirt_domain_block_stats_{name}_total", C, text, LIBVIRT, Scope.DISK, column,
                  running=True)  # fmt: skip


def interface(name: str, text: str, column: str) -> Metric:
    """A counter of an interface."""
    return Metric(f"libvirt_domain_interface_stats_{name}_total", C, text, KERNEL,
                  Scope.INTERFACE, column, running=True)  # fmt: skip


KUMINA = (
    Metric("libvirt_up", G, "Whether libvirt answers.", EVENT, Scope.HOST, "up"),
    Metric("libvirt_domains_number", G, "Number of domains.", EVENT, Scope.HOST, "guests_active"),
    guest("state_code", G, "State of the domain.", EVENT, "state", Form.UINT),
    guest("info_maximum_memory_bytes", G, "Maximum allowed memory of the domain, in bytes.",
          EVENT, "sizes.memory_max", Form.UINT),
    guest("info_memory_usage_bytes", G, "Memory usage of the domain, in bytes.",
          EVENT, "sizes.memory", Form.UINT),
    guest("info_virtual_cpus", G, "Number of virtual CPUs for the domain.",
          EVENT, "sizes.vcpus", Form.UINT),
    guest("info_cpu_time_seconds_total", C, "CPU time used by the domain, in seconds.",
          KERNEL, "cpu.time_ns", Form.NANO),
    disk("read_bytes", "Bytes read from a block device.", "read_bytes"),
    disk("read_requests", "Read requests to a block device.", "read_requests"),
    disk("write_bytes", "Bytes written to a block device.", "write_bytes"),
    disk("write_requests", "Write requests to a block device.", "write_requests"),
    interface("receive_bytes", "Bytes received on an interface.", "rx_bytes"),
    interface("receive_packets", "Packets received on an interface.", "rx_packets"),
    interface("receive_errors", "Receive errors of an interface.", "rx_errors"),
    interface("receive_drops", "Packets to an interface dropped.", "rx_drops"),
    interface("transmit_bytes", "Bytes transmitted on an interface.", "tx_bytes"),
    interface("transmit_packets", "Packets transmitted on an interface.", "tx_packets"),
    interface("transmit_errors", "Transmit errors of an interface.", "tx_errors"),
    interface("transmit_drops", "Packets from an interface dropped.", "tx_drops"),
)  # fmt: skip
