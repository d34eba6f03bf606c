"""Writes statistics from Python into a guest's columns, by the names libvirt has for them.

For drivers whose reader is not compiled. Links no libvirt, and loads where there is none.
"""

from cpython.bytes cimport PyBytes_AS_STRING

from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset, strncpy

from absorb cimport Absorb, absorb_record
from fields cimport Fields, load_fields
from libvirt cimport *
from rows cimport *
from table cimport *

include "absorbing.pxi"


def absorb(table, bytes uuid, dict values, uint64_t now, *, bint kernel=False):
    """Write values by their names in libvirt's bulk statistics into a guest's row.

    For what only calls for single guests give (drivers other than QEMU). Values are int, float,
    bool or bytes. Returns how many fields were passed over; KeyError if there is no such guest.
    """
    cdef virTypedParameter* params = <virTypedParameter*>malloc(
        (len(values) + 1) * sizeof(virTypedParameter))
    cdef Absorb a
    cdef Table* to = <Table*><uintptr_t>table.address
    cdef int count = 0
    if params == NULL:
        raise MemoryError
    try:
        begin(&a, to, kernel)
        a.now = now
        for name, value in values.items():
            fill_param(&params[count], name.encode(), value)
            count += 1
        table_lock(to)
        a.row = table_find(to, <const uint8_t*><const char*>uuid)
        if a.row != NO_ROW:
            absorb_record(&a, params, count)
        table_unlock(to)
        if a.row == NO_ROW:
            raise KeyError(uuid)
        return a.unknown
    finally:
        free(params)


cdef int fill_param(virTypedParameter* p, bytes name, value) except -1:
    strncpy(p.field, name, VIR_TYPED_PARAM_FIELD_LENGTH - 1)
    p.field[VIR_TYPED_PARAM_FIELD_LENGTH - 1] = 0
    if isinstance(value, bool):
        p.type, p.value.b = VIR_TYPED_PARAM_BOOLEAN, value
    elif isinstance(value, int) and value < 0:
        p.type, p.value.l = VIR_TYPED_PARAM_LLONG, value
    elif isinstance(value, int):
        p.type, p.value.ul = VIR_TYPED_PARAM_ULLONG, value
    elif isinstance(value, float):
        p.type, p.value.d = VIR_TYPED_PARAM_DOUBLE, value
    elif isinstance(value, bytes):
        p.type, p.value.s = VIR_TYPED_PARAM_STRING, value
    else:
        p.type = 0
    return 0
