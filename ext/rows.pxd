"""What a guest's row holds: the columns of the guest table, as plain C.

Owns the layout only. A column that nobody has read is UNKNOWN; a group of columns is to be trusted
where its bit in `valid` is set, and was true at `good_ns[group]` (CLOCK_MONOTONIC). Memory is in
bytes, time in nanoseconds. rx and tx are the guest's, as libvirt gives them.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from arena cimport Block

cdef extern from *:
    uint64_t UNKNOWN "UINT64_MAX"

cdef enum:
    # Presence.
    PRESENCE_ABSENT = 0      # libvirt said that it is gone
    PRESENCE_PRESENT = 1
    PRESENCE_UNKNOWN = 2     # nobody may say: libvirt cannot be asked now

cdef enum:
    # Groups of columns, read together.
    # The kernel sampler's (the libvirt sampler's where the kernel cannot be asked).
    GROUP_CPU = 0            # cpu
    GROUP_VCPU = 1           # run_ns and delay_ns of each vCPU
    GROUP_RSS = 2            # memory.rss
    GROUP_CGROUP_MEMORY = 3  # memory.current and memory.swap
    GROUP_PROCESS_IO = 4     # io
    GROUP_INTERFACE = 5      # the counters of each interface
    GROUP_PRESSURE = 6       # pressure
    GROUP_THROTTLE = 7       # throttle
    GROUP_VCPU_PLACE = 8     # on_cpu of each vCPU
    # The libvirt sampler's.
    GROUP_BLOCK = 9          # requests, bytes and times of each disk
    GROUP_BLOCK_SIZE = 10    # allocation, capacity and physical of each disk
    GROUP_BALLOON = 11       # balloon
    GROUP_VCPU_STATE = 12    # state and wait_ns of each vCPU
    GROUP_JOB = 13           # job
    GROUP_DIRTY_RATE = 14    # dirty
    GROUP_IO_TUNE = 15       # limits of each disk
    GROUP_IO_THREAD = 16     # iothreads
    GROUP_PERF = 17          # perf
    # The dispatcher's.
    GROUP_SIZES = 18         # vcpus and memory as libvirt defines them
    GROUPS = 19
    # What belongs to one run of a guest, and not to its definition.
    RUN_GROUPS = (1 << GROUP_SIZES) - 1

cdef enum:
    # Events counted for each guest.
    COUNT_LIFECYCLE = 0
    COUNT_IO_ERROR = 1
    COUNT_WATCHDOG = 2
    COUNT_CRASH = 3
    COUNT_REBOOT = 4
    COUNTS = 5

cdef enum:
    # libvirt's block I/O tune parameters, in the order of its header.
    LIMITS = 20              # {total,read,write}_{bytes,iops}_sec, *_max, *_max_length, size_iops

cdef struct Text:
    uint32_t at              # in the row's block of texts
    uint32_t size

cdef struct Sizes:
    uint64_t vcpus
    uint64_t vcpus_max
    uint64_t memory
    uint64_t memory_max

cdef struct Process:
    uint64_t pid             # 0: no process known
    uint64_t start_ticks     # field 22 of /proc/PID/stat: with the pid it names one process

cdef struct Cpu:
    uint64_t time_ns
    uint64_t user_ns
    uint64_t system_ns

cdef struct Memory:
    uint64_t rss
    uint64_t current         # what the guest's cgroup is charged
    uint64_t swap

cdef struct ProcessIO:
    uint64_t read_chars
    uint64_t write_chars
    uint64_t read_calls
    uint64_t write_calls
    uint64_t read_bytes
    uint64_t write_bytes
    uint64_t cancelled_bytes

cdef struct Pressure:
    # Time lost by some, or by all, tasks of the cgroup.
    uint64_t cpu_some_ns
    uint64_t cpu_full_ns
    uint64_t memory_some_ns
    uint64_t memory_full_ns
    uint64_t io_some_ns
    uint64_t io_full_ns

cdef struct Throttle:
    uint64_t periods
    uint64_t throttled_periods
    uint64_t throttled_ns

cdef struct Balloon:
    uint64_t current
    uint64_t maximum
    uint64_t swap_in
    uint64_t swap_out
    uint64_t major_faults
    uint64_t minor_faults
    uint64_t unused
    uint64_t available
    uint64_t usable
    uint64_t disk_caches
    uint64_t last_update_s   # CLOCK_REALTIME, when the guest's balloon driver last told
    uint64_t hugetlb_allocations
    uint64_t hugetlb_failures
    uint64_t rss             # of the QEMU process, where the kernel could not be asked

cdef struct Job:
    uint64_t type            # virDomainJobType; 0 is none
    uint64_t operation       # virDomainJobOperation
    uint64_t elapsed_ns
    uint64_t remaining_ns
    uint64_t downtime_ns
    uint64_t data_total
    uint64_t data_processed
    uint64_t data_remaining
    uint64_t memory_total
    uint64_t memory_processed
    uint64_t memory_remaining
    uint64_t memory_bytes_per_s
    uint64_t dirty_pages_per_s
    uint64_t iteration
    uint64_t disk_total
    uint64_t disk_processed
    uint64_t disk_remaining
    uint64_t disk_bytes_per_s

cdef struct DirtyRate:
    uint64_t status          # virDomainDirtyRateStatus
    uint64_t start_s
    uint64_t period_s
    uint64_t bytes_per_s

cdef struct Vcpu:
    uint64_t run_ns
    uint64_t delay_ns
    uint64_t wait_ns
    uint64_t on_cpu          # host CPU it last ran on
    uint64_t state           # virVcpuState
    uint32_t number          # the guest's own number; hot-plugging leaves gaps
    uint32_t tid             # 0: no thread known

cdef struct Thread:
    uint32_t number          # of the vCPU
    uint32_t tid             # 0: none known

cdef struct Disk:
    Text key                 # alias, or another name that does not change while it lives
    Text target
    uint64_t read_requests
    uint64_t read_bytes
    uint64_t read_ns
    uint64_t write_requests
    uint64_t write_bytes
    uint64_t write_ns
    uint64_t flush_requests
    uint64_t flush_ns
    uint64_t errors
    uint64_t allocation
    uint64_t capacity
    uint64_t physical
    uint64_t limits[LIMITS]

cdef struct Interface:
    Text key                 # MAC; MAC#2 is the second interface of that address
    Text target              # the tap on the host; empty for a hostdev or an inactive guest
    uint64_t rx_bytes
    uint64_t rx_packets
    uint64_t rx_errors
    uint64_t rx_drops
    uint64_t tx_bytes
    uint64_t tx_packets
    uint64_t tx_errors
    uint64_t tx_drops

cdef struct IOThread:
    uint64_t id
    uint64_t poll_max_ns
    uint64_t poll_grow
    uint64_t poll_shrink

cdef struct PerfCounter:
    uint64_t event           # virPerf's number, as PERF_NAMES of the libvirt sampler lists them
    uint64_t value

cdef struct Row:
    uint8_t uuid[16]
    uint32_t life            # which life of this row; grows at each birth
    uint32_t run             # grows whenever the libvirt id changes: another process
    uint32_t definition      # grows when name, devices or metadata change
    uint32_t shape           # grows when an array moved or changed its length
    uint32_t stirred         # grows when libvirt's columns are said to have changed
    int32_t id               # libvirt's; -1 when inactive
    int32_t state            # virDomainState
    int32_t reason
    uint8_t alive            # 0: the row is free
    uint8_t presence
    uint8_t persistent
    uint8_t autostart
    uint32_t valid           # a bit a group
    uint32_t counts[COUNTS]  # events since the row's birth
    uint64_t stuck_since_ns  # CLOCK_MONOTONIC; 0: its monitor answers
    uint64_t skipped         # readings not asked for because it was stuck
    uint64_t good_ns[GROUPS]
    Block name               # bytes
    Block texts              # device keys and targets
    Block cgroup             # path below the hierarchy, as /proc/PID/cgroup gives it
    Sizes sizes
    Process process
    Cpu cpu
    Memory memory
    ProcessIO io
    Pressure pressure
    Throttle throttle
    Balloon balloon
    DirtyRate dirty
    Block jobs               # 0 or 1 Job
    Block vcpus              # Vcpu
    Block disks              # Disk
    Block interfaces         # Interface
    Block iothreads          # IOThread
    Block perf               # PerfCounter
