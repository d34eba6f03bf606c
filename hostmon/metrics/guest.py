"""The families of a guest as a whole and of its vCPUs.

Names that prometheus-libvirt-exporter (inovex 2.5) has are kept where its unit and type are true.
"""

from hostmon.metrics.family import Form, Metric, Scope, Source, Type

C, G, INFO = Type.COUNTER, Type.GAUGE, Type.INFO
KERNEL, LIBVIRT, EVENT = Source.KERNEL, Source.LIBVIRT, Source.EVENT
AGENT = Source.AGENT
DEFINITION = Source.DEFINITION
GUEST, VCPU = Scope.GUEST, Scope.VCPU

IDENTITY = (
    Metric("libvirt_domain_info", INFO, "What a guest is.", DEFINITION, Scope.GUEST_INFO,
           form=Form.ONE, labels=("uuid", "os_type", "os_type_arch", "os_type_machine")),
    Metric("libvirt_domain_openstack_info", INFO, "Whose a guest is, from its cloud metadata.",
           DEFINITION, Scope.OWNER_INFO, form=Form.ONE,
           labels=("instance_name", "instance_id", "flavor_name", "user_name", "user_id",
                   "project_name", "project_id")),
    Metric("libvirt_domain_state", G, "1 for the state that a guest is in, 0 for the others.",
           EVENT, Scope.STATE, "state", Form.STATE, labels=("state",)),
    Metric("libvirt_domain_state_reason", G, "libvirt's number of the reason for the state.",
           EVENT, GUEST, "reason", Form.INT, default=False),
    Metric("libvirt_domain_shutoff_reason", G,
           "libvirt's number of why a guest is off: 1 shut down, 2 destroyed, 3 crashed, "
           "4 migrated, 5 saved, 6 failed to start, 7 by a snapshot, 8 by libvirtd, 0 unknown.",
           EVENT, GUEST, "reason", Form.INT, shutoff=True),
    Metric("libvirt_domain_persistent", G, "1 for a guest that stays defined when it stops.",
           DEFINITION, GUEST, "persistent", Form.FLAG),
    Metric("libvirt_domain_autostart", G, "1 for a guest that starts with the host.",
           DEFINITION, GUEST, "autostart", Form.FLAG, default=False),
    Metric("libvirt_domain_start_time_seconds", G, "When a guest's process began, since 1970.",
           KERNEL, GUEST, "start_ticks", Form.TICKS, running=True),
    Metric("libvirt_domain_info_maximum_memory_bytes", G, "Memory that a guest may have at most.",
           DEFINITION, GUEST, "sizes.memory_max"),
    Metric("libvirt_domain_info_memory_usage_bytes", G, "Memory that a guest has now.",
           EVENT, GUEST, "sizes.memory"),
    Metric("libvirt_domain_info_virtual_cpus", G, "vCPUs that a guest has now.",
           DEFINITION, GUEST, "sizes.vcpus"),
)  # fmt: skip

HEALTH = (
    Metric("libvirt_domain_timed_out", G, "1 while a guest's monitor does not answer.",
           AGENT, GUEST, "stuck_since_ns", Form.FLAG),
    Metric("hostmon_guest_sample_age_seconds", G, "Time since a group of counters was last read.",
           AGENT, Scope.GROUP, "good_ns", Form.AGE, labels=("group",)),
    Metric("hostmon_guest_io_errors_total", C, "Disk errors that a guest met.", EVENT, GUEST,
           "counts.io_error", default=False),
    Metric("hostmon_guest_lifecycle_events_total", C, "Lifecycle events of a guest.", EVENT, GUEST,
           "counts.lifecycle", default=False),
    Metric("hostmon_guest_watchdogs_total", C, "Times that a guest's watchdog fired.", EVENT,
           GUEST, "counts.watchdog", default=False),
    Metric("hostmon_guest_crashes_total", C, "Times that a guest crashed.", EVENT, GUEST,
           "counts.crash"),
    Metric("hostmon_guest_reboots_total", C, "Times that a guest rebooted.", EVENT, GUEST,
           "counts.reboot", default=False),
    Metric("hostmon_guest_readings_skipped_total", C,
           "Readings not asked for because a guest's monitor did not answer.", AGENT, GUEST,
           "skipped", default=False),
)  # fmt: skip

CPU = (
    Metric("libvirt_domain_info_cpu_time_seconds_total", C, "CPU time of a guest's process.",
           KERNEL, GUEST, "cpu.time_ns", Form.NANO),
    Metric("libvirt_domain_cpu_user_seconds_total", C, "CPU time spent in user space.",
           KERNEL, GUEST, "cpu.user_ns", Form.NANO),
    Metric("libvirt_domain_cpu_system_seconds_total", C, "CPU time spent in the kernel.",
           KERNEL, GUEST, "cpu.system_ns", Form.NANO),
    Metric("libvirt_domain_cpu_throttled_seconds_total", C,
           "Time that a CPU quota held a guest back; vCPU delay rises with it.",
           KERNEL, GUEST, "throttle.throttled_ns", Form.NANO),
    Metric("libvirt_domain_cpu_throttled_periods_total", C, "Quota periods that were throttled.",
           KERNEL, GUEST, "throttle.throttled_periods", default=False),
)  # fmt: skip

VCPUS = (
    Metric("libvirt_domain_vcpu_current", G, "vCPUs that are online.", DEFINITION, GUEST,
           "sizes.vcpus", default=False),
    Metric("libvirt_domain_vcpu_maximum", G, "vCPUs that a guest may have at most.", DEFINITION,
           GUEST, "sizes.vcpus_max"),
    Metric("libvirt_domain_vcpu_state", G, "libvirt's number of a vCPU's state.", LIBVIRT, VCPU,
           "state", default=False),
    Metric("libvirt_domain_vcpu_time_seconds_total", C, "Time that a vCPU ran.", KERNEL, VCPU,
           "run_ns", Form.NANO),
    Metric("libvirt_domain_vcpu_delay_seconds_total", C,
           "Time that a vCPU was ready to run and waited for a processor.", KERNEL, VCPU,
           "delay_ns", Form.NANO),
    Metric("libvirt_domain_vcpu_wait_seconds_total", C, "Time that a vCPU waited on I/O.",
           LIBVIRT, VCPU, "wait_ns", Form.NANO, default=False),
)  # fmt: skip

MEMORY = (
    Metric("libvirt_domain_memory_stats_rss_bytes", G, "Resident memory of a guest's process.",
           KERNEL, GUEST, "memory.rss"),
    Metric("libvirt_domain_memory_cgroup_bytes", G, "Memory charged to a guest's cgroup.",
           KERNEL, GUEST, "memory.current"),
    Metric("libvirt_domain_memory_stats_current_balloon_bytes", G, "Size of the balloon's target.",
           LIBVIRT, GUEST, "balloon.current", default=False),
    Metric("libvirt_domain_memory_stats_maximum_bytes", G, "Memory that the balloon may give.",
           LIBVIRT, GUEST, "balloon.maximum", default=False),
    Metric("libvirt_domain_memory_stats_unused_bytes", G, "Memory that the guest does not use.",
           LIBVIRT, GUEST, "balloon.unused", default=False),
    Metric("libvirt_domain_memory_stats_available_bytes", G, "Memory that the guest sees.",
           LIBVIRT, GUEST, "balloon.available"),
    Metric("libvirt_domain_memory_stats_usable_bytes", G,
           "Memory that the guest could use without swapping (its MemAvailable).",
           LIBVIRT, GUEST, "balloon.usable"),
    Metric("libvirt_domain_memory_stats_disk_caches_bytes", G, "The guest's disk caches.",
           LIBVIRT, GUEST, "balloon.disk_caches", default=False),
    Metric("libvirt_domain_memory_stats_last_update_timestamp_seconds", G,
           "When the guest last told its memory figures, since 1970.",
           LIBVIRT, GUEST, "balloon.last_update_s", default=False),
    Metric("libvirt_domain_memory_swapped_in_bytes_total", C, "Memory read from the guest's swap.",
           LIBVIRT, GUEST, "balloon.swap_in", default=False),
    Metric("libvirt_domain_memory_swapped_out_bytes_total", C, "Memory sent to the guest's swap.",
           LIBVIRT, GUEST, "balloon.swap_out", default=False),
    Metric("libvirt_domain_memory_stats_major_fault_total", C,
           "Page faults in the guest that needed a disk.", LIBVIRT, GUEST, "balloon.major_faults",
           default=False),
    Metric("libvirt_domain_memory_stats_minor_fault_total", C,
           "Page faults in the guest that needed none.", LIBVIRT, GUEST, "balloon.minor_faults",
           default=False),
    Metric("libvirt_domain_memory_stats_hugetlb_pgalloc_total", C,
           "Huge pages that the guest allocated.", LIBVIRT, GUEST, "balloon.hugetlb_allocations",
           default=False),
    Metric("libvirt_domain_memory_stats_hugetlb_pgfail_total", C,
           "Huge pages that the guest failed to allocate.", LIBVIRT, GUEST,
           "balloon.hugetlb_failures", default=False),
)  # fmt: skip
