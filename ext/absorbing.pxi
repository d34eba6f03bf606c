"""What every extension needs to write statistics: the lists of fields, and a fresh Absorb."""

PERF_NAMES = (
    "cmt", "mbmt", "mbml", "cpu_cycles", "instructions", "cache_references", "cache_misses",
    "branch_instructions", "branch_misses", "bus_cycles", "stalled_cycles_frontend",
    "stalled_cycles_backend", "ref_cpu_cycles", "cpu_clock", "task_clock", "page_faults",
    "page_faults_min", "page_faults_maj", "context_switches", "cpu_migrations",
    "alignment_faults", "emulation_faults",
)

cdef enum:
    PERF = 22

cdef Fields FIELDS
cdef const char* PERF_TEXTS[PERF]
cdef tuple PERF_BYTES = tuple(name.encode() for name in PERF_NAMES)
load_fields(&FIELDS)
for _i in range(PERF):
    PERF_TEXTS[_i] = PyBytes_AS_STRING(PERF_BYTES[_i])


cdef void begin(Absorb* a, Table* table, bint kernel) noexcept nogil:
    memset(a, 0, sizeof(Absorb))
    a.table = table
    a.fields = &FIELDS
    a.perf_names = PERF_TEXTS
    a.perf_count = PERF
    a.kernel = kernel
