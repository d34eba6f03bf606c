# Where each column that a family may name lies: by scope and name, the offset from the scope's
# place, the width in bytes, and the group that must be good. Included by exposition.pyx.

cdef Row* _row = NULL
cdef Vcpu* _vcpu = NULL
cdef Disk* _disk = NULL
cdef Interface* _nic = NULL
cdef Job* _job = NULL
cdef IOThread* _iothread = NULL
cdef PerfCounter* _perf = NULL

COLUMNS = {
    "state": {
        "state": (<size_t>&_row.state, 4, NO_GROUP),
    },
    "group": {
        "good_ns": (<size_t>&_row.good_ns, 8, NO_GROUP),
    },

    "guest": {
        "state": (<size_t>&_row.state, 4, NO_GROUP),
        "reason": (<size_t>&_row.reason, 4, NO_GROUP),
        "persistent": (<size_t>&_row.persistent, 1, GROUP_SIZES),
        "autostart": (<size_t>&_row.autostart, 1, GROUP_SIZES),
        "stuck_since_ns": (<size_t>&_row.stuck_since_ns, 8, NO_GROUP),
        "skipped": (<size_t>&_row.skipped, 8, NO_GROUP),
        "start_ticks": (<size_t>&_row.process.start_ticks, 8, NO_GROUP),
        "counts.lifecycle": (<size_t>&_row.counts[COUNT_LIFECYCLE], 4, NO_GROUP),
        "counts.io_error": (<size_t>&_row.counts[COUNT_IO_ERROR], 4, NO_GROUP),
        "counts.watchdog": (<size_t>&_row.counts[COUNT_WATCHDOG], 4, NO_GROUP),
        "counts.crash": (<size_t>&_row.counts[COUNT_CRASH], 4, NO_GROUP),
        "counts.reboot": (<size_t>&_row.counts[COUNT_REBOOT], 4, NO_GROUP),
        "sizes.vcpus": (<size_t>&_row.sizes.vcpus, 8, GROUP_SIZES),
        "sizes.vcpus_max": (<size_t>&_row.sizes.vcpus_max, 8, GROUP_SIZES),
        "sizes.memory": (<size_t>&_row.sizes.memory, 8, GROUP_SIZES),
        "sizes.memory_max": (<size_t>&_row.sizes.memory_max, 8, GROUP_SIZES),
        "cpu.time_ns": (<size_t>&_row.cpu.time_ns, 8, GROUP_CPU),
        "cpu.user_ns": (<size_t>&_row.cpu.user_ns, 8, GROUP_CPU),
        "cpu.system_ns": (<size_t>&_row.cpu.system_ns, 8, GROUP_CPU),
        "memory.rss": (<size_t>&_row.memory.rss, 8, GROUP_RSS),
        "memory.current": (<size_t>&_row.memory.current, 8, GROUP_CGROUP_MEMORY),
        "memory.swap": (<size_t>&_row.memory.swap, 8, GROUP_CGROUP_MEMORY),
        "io.read_bytes": (<size_t>&_row.io.read_bytes, 8, GROUP_PROCESS_IO),
        "io.write_bytes": (<size_t>&_row.io.write_bytes, 8, GROUP_PROCESS_IO),
        "pressure.cpu_some_ns": (<size_t>&_row.pressure.cpu_some_ns, 8, GROUP_PRESSURE),
        "pressure.cpu_full_ns": (<size_t>&_row.pressure.cpu_full_ns, 8, GROUP_PRESSURE),
        "pressure.memory_some_ns": (<size_t>&_row.pressure.memory_some_ns, 8, GROUP_PRESSURE),
        "pressure.memory_full_ns": (<size_t>&_row.pressure.memory_full_ns, 8, GROUP_PRESSURE),
        "pressure.io_some_ns": (<size_t>&_row.pressure.io_some_ns, 8, GROUP_PRESSURE),
        "pressure.io_full_ns": (<size_t>&_row.pressure.io_full_ns, 8, GROUP_PRESSURE),
        "throttle.periods": (<size_t>&_row.throttle.periods, 8, GROUP_THROTTLE),
        "throttle.throttled_periods": (<size_t>&_row.throttle.throttled_periods, 8, GROUP_THROTTLE),
        "throttle.throttled_ns": (<size_t>&_row.throttle.throttled_ns, 8, GROUP_THROTTLE),
        "balloon.current": (<size_t>&_row.balloon.current, 8, GROUP_BALLOON),
        "balloon.maximum": (<size_t>&_row.balloon.maximum, 8, GROUP_BALLOON),
        "balloon.swap_in": (<size_t>&_row.balloon.swap_in, 8, GROUP_BALLOON),
        "balloon.swap_out": (<size_t>&_row.balloon.swap_out, 8, GROUP_BALLOON),
        "balloon.major_faults": (<size_t>&_row.balloon.major_faults, 8, GROUP_BALLOON),
        "balloon.minor_faults": (<size_t>&_row.balloon.minor_faults, 8, GROUP_BALLOON),
        "balloon.unused": (<size_t>&_row.balloon.unused, 8, GROUP_BALLOON),
        "balloon.available": (<size_t>&_row.balloon.available, 8, GROUP_BALLOON),
        "balloon.usable": (<size_t>&_row.balloon.usable, 8, GROUP_BALLOON),
        "balloon.disk_caches": (<size_t>&_row.balloon.disk_caches, 8, GROUP_BALLOON),
        "balloon.last_update_s": (<size_t>&_row.balloon.last_update_s, 8, GROUP_BALLOON),
        "balloon.hugetlb_allocations": (<size_t>&_row.balloon.hugetlb_allocations, 8, GROUP_BALLOON),
        "balloon.hugetlb_failures": (<size_t>&_row.balloon.hugetlb_failures, 8, GROUP_BALLOON),
        "dirty.bytes_per_s": (<size_t>&_row.dirty.bytes_per_s, 8, GROUP_DIRTY_RATE),
    },
    "vcpu": {
        "run_ns": (<size_t>&_vcpu.run_ns, 8, GROUP_VCPU),
        "delay_ns": (<size_t>&_vcpu.delay_ns, 8, GROUP_VCPU),
        "state": (<size_t>&_vcpu.state, 8, GROUP_VCPU_STATE),
        "wait_ns": (<size_t>&_vcpu.wait_ns, 8, GROUP_VCPU_STATE),
        "on_cpu": (<size_t>&_vcpu.on_cpu, 8, GROUP_VCPU_PLACE),
    },
    "disk": {
        "read_requests": (<size_t>&_disk.read_requests, 8, GROUP_BLOCK),
        "read_bytes": (<size_t>&_disk.read_bytes, 8, GROUP_BLOCK),
        "read_ns": (<size_t>&_disk.read_ns, 8, GROUP_BLOCK),
        "write_requests": (<size_t>&_disk.write_requests, 8, GROUP_BLOCK),
        "write_bytes": (<size_t>&_disk.write_bytes, 8, GROUP_BLOCK),
        "write_ns": (<size_t>&_disk.write_ns, 8, GROUP_BLOCK),
        "flush_requests": (<size_t>&_disk.flush_requests, 8, GROUP_BLOCK),
        "flush_ns": (<size_t>&_disk.flush_ns, 8, GROUP_BLOCK),
        "errors": (<size_t>&_disk.errors, 8, GROUP_BLOCK),
        "allocation": (<size_t>&_disk.allocation, 8, GROUP_BLOCK_SIZE),
        "capacity": (<size_t>&_disk.capacity, 8, GROUP_BLOCK_SIZE),
        "physical": (<size_t>&_disk.physical, 8, GROUP_BLOCK_SIZE),
    },
    "interface": {
        "rx_bytes": (<size_t>&_nic.rx_bytes, 8, GROUP_INTERFACE),
        "rx_packets": (<size_t>&_nic.rx_packets, 8, GROUP_INTERFACE),
        "rx_errors": (<size_t>&_nic.rx_errors, 8, GROUP_INTERFACE),
        "rx_drops": (<size_t>&_nic.rx_drops, 8, GROUP_INTERFACE),
        "tx_bytes": (<size_t>&_nic.tx_bytes, 8, GROUP_INTERFACE),
        "tx_packets": (<size_t>&_nic.tx_packets, 8, GROUP_INTERFACE),
        "tx_errors": (<size_t>&_nic.tx_errors, 8, GROUP_INTERFACE),
        "tx_drops": (<size_t>&_nic.tx_drops, 8, GROUP_INTERFACE),
    },
    "job": {
        "type": (<size_t>&_job.type, 8, GROUP_JOB),
        "operation": (<size_t>&_job.operation, 8, GROUP_JOB),
        "elapsed_ns": (<size_t>&_job.elapsed_ns, 8, GROUP_JOB),
        "remaining_ns": (<size_t>&_job.remaining_ns, 8, GROUP_JOB),
        "downtime_ns": (<size_t>&_job.downtime_ns, 8, GROUP_JOB),
        "data_total": (<size_t>&_job.data_total, 8, GROUP_JOB),
        "data_processed": (<size_t>&_job.data_processed, 8, GROUP_JOB),
        "data_remaining": (<size_t>&_job.data_remaining, 8, GROUP_JOB),
        "memory_total": (<size_t>&_job.memory_total, 8, GROUP_JOB),
        "memory_processed": (<size_t>&_job.memory_processed, 8, GROUP_JOB),
        "memory_remaining": (<size_t>&_job.memory_remaining, 8, GROUP_JOB),
        "memory_bytes_per_s": (<size_t>&_job.memory_bytes_per_s, 8, GROUP_JOB),
        "dirty_pages_per_s": (<size_t>&_job.dirty_pages_per_s, 8, GROUP_JOB),
        "iteration": (<size_t>&_job.iteration, 8, GROUP_JOB),
        "disk_total": (<size_t>&_job.disk_total, 8, GROUP_JOB),
        "disk_processed": (<size_t>&_job.disk_processed, 8, GROUP_JOB),
        "disk_remaining": (<size_t>&_job.disk_remaining, 8, GROUP_JOB),
        "disk_bytes_per_s": (<size_t>&_job.disk_bytes_per_s, 8, GROUP_JOB),
    },
    "iothread": {
        "poll_max_ns": (<size_t>&_iothread.poll_max_ns, 8, GROUP_IO_THREAD),
        "poll_grow": (<size_t>&_iothread.poll_grow, 8, GROUP_IO_THREAD),
        "poll_shrink": (<size_t>&_iothread.poll_shrink, 8, GROUP_IO_THREAD),
    },
    "perf": {
        "value": (<size_t>&_perf.value, 8, GROUP_PERF),
    },
}
# The limits, in the order of libvirt's header: see LIMITS in rows.pxd.
_LIMITED = (
    "total_bytes", "read_bytes", "write_bytes", "total_requests", "read_requests", "write_requests",
)
for _i, _name in enumerate((
    *_LIMITED,
    *(f"{_name}_burst" for _name in _LIMITED),
    *(f"{_name}_burst_s" for _name in _LIMITED),
    "request_size",
)):
    COLUMNS["disk"][f"limit.{_name}"] = (<size_t>&_disk.limits + _i * 8, 8, GROUP_IO_TUNE)
