"""What libvirt tells of one guest at a time: a job's progress, and each disk's I/O limits.

Owns the columns of both; the table's lock is held by the caller.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from devices cimport table_set_array
from libvirt cimport virTypedParameter
from params cimport Column, column, param_value, put_column, same_text
from rows cimport *
from table cimport Table, row_good, table_array, table_row

cdef enum:
    JOB_COLUMNS = 17
    MS = 1000000

cdef struct Singles:
    Column job[JOB_COLUMNS]
    const char* limits[LIMITS]


cdef inline void load_singles(Singles* s) noexcept:
    cdef Job j
    s.job = [
        column(b"operation", &j.operation, &j, 1),
        column(b"time_elapsed", &j.elapsed_ns, &j, MS),
        column(b"time_remaining", &j.remaining_ns, &j, MS),
        column(b"downtime", &j.downtime_ns, &j, MS),
        column(b"data_total", &j.data_total, &j, 1),
        column(b"data_processed", &j.data_processed, &j, 1),
        column(b"data_remaining", &j.data_remaining, &j, 1),
        column(b"memory_total", &j.memory_total, &j, 1),
        column(b"memory_processed", &j.memory_processed, &j, 1),
        column(b"memory_remaining", &j.memory_remaining, &j, 1),
        column(b"memory_bps", &j.memory_bytes_per_s, &j, 1),
        column(b"memory_dirty_rate", &j.dirty_pages_per_s, &j, 1),
        column(b"memory_iteration", &j.iteration, &j, 1),
        column(b"disk_total", &j.disk_total, &j, 1),
        column(b"disk_processed", &j.disk_processed, &j, 1),
        column(b"disk_remaining", &j.disk_remaining, &j, 1),
        column(b"disk_bps", &j.disk_bytes_per_s, &j, 1),
    ]
    s.limits = [
        b"total_bytes_sec", b"read_bytes_sec", b"write_bytes_sec",
        b"total_iops_sec", b"read_iops_sec", b"write_iops_sec",
        b"total_bytes_sec_max", b"read_bytes_sec_max", b"write_bytes_sec_max",
        b"total_iops_sec_max", b"read_iops_sec_max", b"write_iops_sec_max",
        b"total_bytes_sec_max_length", b"read_bytes_sec_max_length", b"write_bytes_sec_max_length",
        b"total_iops_sec_max_length", b"read_iops_sec_max_length", b"write_iops_sec_max_length",
        b"size_iops_sec", NULL,
    ]


cdef inline void absorb_job(
    Table* table, uint32_t row, const Singles* s, int type, const virTypedParameter* params,
    int count, uint64_t now
) noexcept nogil:
    """A job's progress; type 0 is none, and ends what was known of the last one."""
    cdef Job job
    cdef Row* r = table_row(table, row)
    cdef int i
    memset(&job, 0xff, sizeof(Job))
    job.type = type
    for i in range(count):
        put_column(<char*>&job, s.job, JOB_COLUMNS, params[i].field, param_value(&params[i]))
    if table_set_array(table, row, <char*>&r.jobs - <char*>r, &job, type != 0, sizeof(Job)) == 0:
        row_good(table_row(table, row), GROUP_JOB, now)


cdef inline void absorb_limits(
    Disk* disk, const Singles* s, const virTypedParameter* params, int count
) noexcept nogil:
    cdef int i
    cdef int k
    for i in range(count):
        for k in range(LIMITS):
            if s.limits[k] != NULL and same_text(params[i].field, s.limits[k]):
                disk.limits[k] = param_value(&params[i])
