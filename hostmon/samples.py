"""One guest's columns as Python sees them: frozen values, for status and tests.

Mirrors ext/rows.pxd field by field; None is a column that nobody has read. Memory is in bytes,
time in nanoseconds, ``rx`` and ``tx`` are the guest's. Must not know where the values come from.
"""

from enum import IntEnum

import msgspec


class Group(IntEnum):
    """Columns that are read together and grow old together; the numbers are rows.pxd's."""

    CPU = 0
    VCPU = 1
    RSS = 2
    CGROUP_MEMORY = 3
    PROCESS_IO = 4
    INTERFACE = 5
    PRESSURE = 6
    THROTTLE = 7
    VCPU_PLACE = 8
    BLOCK = 9
    BLOCK_SIZE = 10
    BALLOON = 11
    VCPU_STATE = 12
    JOB = 13
    DIRTY_RATE = 14
    IO_TUNE = 15
    IO_THREAD = 16
    PERF = 17
    SIZES = 18


class Sizes(msgspec.Struct, frozen=True):
    """What the definition gives the guest."""

    vcpus: int | None
    vcpus_max: int | None
    memory: int | None
    memory_max: int | None


class Process(msgspec.Struct, frozen=True):
    """The QEMU process; pid and start time together name it. pid 0: none known."""

    pid: int
    start_ticks: int


class Cpu(msgspec.Struct, frozen=True):
    """What libvirt calls cpu.time, cpu.user and cpu.system: of the cgroup, or of the process."""

    time_ns: int | None
    user_ns: int | None
    system_ns: int | None


class Memory(msgspec.Struct, frozen=True):
    """Resident memory of the process, and what the cgroup is charged."""

    rss: int | None
    current: int | None
    swap: int | None


class ProcessIO(msgspec.Struct, frozen=True):
    """/proc/PID/io."""

    read_chars: int | None
    write_chars: int | None
    read_calls: int | None
    write_calls: int | None
    read_bytes: int | None
    write_bytes: int | None
    cancelled_bytes: int | None


class Pressure(msgspec.Struct, frozen=True):
    """Pressure stall totals of the guest's cgroup."""

    cpu_some_ns: int | None
    cpu_full_ns: int | None
    memory_some_ns: int | None
    memory_full_ns: int | None
    io_some_ns: int | None
    io_full_ns: int | None


class Throttle(msgspec.Struct, frozen=True):
    """CPU quota of the guest's cgroup at work."""

    periods: int | None
    throttled_periods: int | None
    throttled_ns: int | None


class Balloon(msgspec.Struct, frozen=True):
    """virDomainMemoryStats."""

    current: int | None
    maximum: int | None
    swap_in: int | None
    swap_out: int | None
    major_faults: int | None
    minor_faults: int | None
    unused: int | None
    available: int | None
    usable: int | None
    disk_caches: int | None
    last_update_s: int | None
    hugetlb_allocations: int | None
    hugetlb_failures: int | None
    rss: int | None


class Job(msgspec.Struct, frozen=True):
    """virDomainGetJobStats: a migration, dump or save under way."""

    type: int | None
    operation: int | None
    elapsed_ns: int | None
    remaining_ns: int | None
    downtime_ns: int | None
    data_total: int | None
    data_processed: int | None
    data_remaining: int | None
    memory_total: int | None
    memory_processed: int | None
    memory_remaining: int | None
    memory_bytes_per_s: int | None
    dirty_pages_per_s: int | None
    iteration: int | None
    disk_total: int | None
    disk_processed: int | None
    disk_remaining: int | None
    disk_bytes_per_s: int | None


class DirtyRate(msgspec.Struct, frozen=True):
    """The last dirty-rate measurement that somebody started."""

    status: int | None
    start_s: int | None
    period_s: int | None
    bytes_per_s: int | None


class Vcpu(msgspec.Struct, frozen=True):
    """One vCPU and its host thread; tid 0: none known."""

    number: int
    tid: int
    run_ns: int | None
    delay_ns: int | None
    wait_ns: int | None
    on_cpu: int | None
    state: int | None


class Disk(msgspec.Struct, frozen=True):
    """One disk's counters and limits (virDomainBlockStats, BlockInfo, BlockIoTune)."""

    key: bytes
    target: bytes
    read_requests: int | None
    read_bytes: int | None
    read_ns: int | None
    write_requests: int | None
    write_bytes: int | None
    write_ns: int | None
    flush_requests: int | None
    flush_ns: int | None
    errors: int | None
    allocation: int | None
    capacity: int | None
    physical: int | None
    limits: list[int | None]


class Interface(msgspec.Struct, frozen=True):
    """One interface's counters, as the guest sees them."""

    key: bytes
    target: bytes
    rx_bytes: int | None
    rx_packets: int | None
    rx_errors: int | None
    rx_drops: int | None
    tx_bytes: int | None
    tx_packets: int | None
    tx_errors: int | None
    tx_drops: int | None


class IOThread(msgspec.Struct, frozen=True):
    """One iothread's polling parameters."""

    id: int
    poll_max_ns: int | None
    poll_grow: int | None
    poll_shrink: int | None


class PerfCounter(msgspec.Struct, frozen=True):
    """One perf event that is switched on."""

    event: int
    value: int | None


class Guest(msgspec.Struct, frozen=True):
    """A row of the guest table; ``valid`` gives each trusted Group its time (CLOCK_MONOTONIC)."""

    row: int
    uuid: bytes
    name: bytes
    cgroup: bytes
    presence: str
    persistent: bool
    autostart: bool
    id: int
    state: int
    reason: int
    life: int
    run: int
    definition: int
    shape: int
    stuck_since_ns: int
    skipped: int
    valid: dict[int, int]
    counts: list[int]
    sizes: Sizes
    process: Process
    cpu: Cpu
    memory: Memory
    io: ProcessIO
    pressure: Pressure
    throttle: Throttle
    balloon: Balloon
    dirty: DirtyRate
    jobs: list[Job]
    vcpus: list[Vcpu]
    disks: list[Disk]
    interfaces: list[Interface]
    iothreads: list[IOThread]
    perf: list[PerfCounter]
