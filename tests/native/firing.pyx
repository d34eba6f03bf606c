"""Calls a callback as libvirt would, for what no test can make a hypervisor do.

The functions are those that the agent registers, by the number that they are registered for; the
types say how libvirt calls each (libvirt-domain.h).
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset

from kinds cimport *
from libvirt cimport *

from hostmon._callbacks import address_of

ctypedef int (*Lifecycle)(virConnectPtr, virDomainPtr, int, int, void*) noexcept nogil
ctypedef void (*Plain)(virConnectPtr, virDomainPtr, void*) noexcept nogil
ctypedef void (*Number)(virConnectPtr, virDomainPtr, int, void*) noexcept nogil
ctypedef void (*Two)(virConnectPtr, virDomainPtr, int, int, void*) noexcept nogil
ctypedef void (*Seconds)(virConnectPtr, virDomainPtr, long long, void*) noexcept nogil
ctypedef void (*Size)(virConnectPtr, virDomainPtr, unsigned long long, void*) noexcept nogil
ctypedef void (*Alias)(virConnectPtr, virDomainPtr, const char*, void*) noexcept nogil
ctypedef void (*AliasNumber)(virConnectPtr, virDomainPtr, const char*, int, void*) noexcept nogil
ctypedef void (*AliasSize)(
    virConnectPtr, virDomainPtr, const char*, unsigned long long, void*) noexcept nogil
ctypedef void (*AliasTwo)(
    virConnectPtr, virDomainPtr, const char*, int, int, void*) noexcept nogil
ctypedef void (*NumberText)(virConnectPtr, virDomainPtr, int, const char*, void*) noexcept nogil
ctypedef void (*IoError)(
    virConnectPtr, virDomainPtr, const char*, const char*, int, const char*, void*) noexcept nogil
ctypedef void (*DiskChange)(
    virConnectPtr, virDomainPtr, const char*, const char*, const char*, int, void*) noexcept nogil
ctypedef void (*Threshold)(
    virConnectPtr, virDomainPtr, const char*, const char*, unsigned long long,
    unsigned long long, void*) noexcept nogil
ctypedef void (*MemoryFailure)(
    virConnectPtr, virDomainPtr, int, int, unsigned int, void*) noexcept nogil
ctypedef void (*Parameters)(
    virConnectPtr, virDomainPtr, virTypedParameterPtr, int, void*) noexcept nogil
ctypedef void (*Graphics)(
    virConnectPtr, virDomainPtr, int, const virDomainEventGraphicsAddress*,
    const virDomainEventGraphicsAddress*, const char*, const virDomainEventGraphicsSubject*,
    void*) noexcept nogil


cdef const char* c_text(object text) except? NULL:
    """The bytes of a text that the caller keeps alive; NULL for None."""
    if text is None:
        return NULL
    return <const char*>text


def fire(pipe, domain, int kind, *args):
    """Call the callback of ``kind`` on a libvirt domain with libvirt's own arguments (bytes, int).

    A graphics address is (family, node, service), identities and parameters are tuples of pairs.
    """
    cdef void* to = <void*><uintptr_t>pipe.address
    cdef virDomainPtr dom = <virDomainPtr>PyCapsule_GetPointer(domain._o, "virDomainPtr")
    cdef void* call = <void*><uintptr_t>address_of(kind)
    if call == NULL:
        raise ValueError(f"no callback of kind {kind}")
    if kind == KIND_LIFECYCLE:
        (<Lifecycle>call)(NULL, dom, args[0], args[1], to)
    elif kind in (KIND_REBOOT, KIND_CONTROL_ERROR):
        (<Plain>call)(NULL, dom, to)
    elif kind == KIND_RTC_CHANGE:
        (<Seconds>call)(NULL, dom, args[0], to)
    elif kind == KIND_BALLOON_CHANGE:
        (<Size>call)(NULL, dom, args[0], to)
    elif kind == KIND_AGENT_LIFECYCLE:
        (<Two>call)(NULL, dom, args[0], args[1], to)
    elif kind == KIND_METADATA_CHANGE:
        (<NumberText>call)(NULL, dom, args[0], c_text(args[1]), to)
    elif kind == KIND_MEMORY_FAILURE:
        (<MemoryFailure>call)(NULL, dom, args[0], args[1], args[2], to)
    elif kind == KIND_GRAPHICS:
        fire_graphics(call, dom, to, args)
    elif kind in (KIND_TUNABLE, KIND_JOB_COMPLETED):
        fire_parameters(call, dom, to, args[0])
    elif args and isinstance(args[0], bytes):
        fire_of_device(call, dom, to, kind, args)
    else:
        (<Number>call)(NULL, dom, args[0], to)


cdef fire_of_device(void* call, virDomainPtr dom, void* to, int kind, tuple args):
    """Those whose first argument names a disk or a device."""
    cdef const char* name = c_text(args[0])
    if kind == KIND_IO_ERROR:
        (<IoError>call)(NULL, dom, name, c_text(args[1]), args[2], c_text(args[3]), to)
    elif kind == KIND_DISK_CHANGE:
        (<DiskChange>call)(NULL, dom, name, c_text(args[1]), c_text(args[2]), args[3], to)
    elif kind == KIND_BLOCK_THRESHOLD:
        (<Threshold>call)(NULL, dom, name, c_text(args[1]), args[2], args[3], to)
    elif kind == KIND_BLOCK_JOB:
        (<AliasTwo>call)(NULL, dom, name, args[1], args[2], to)
    elif kind == KIND_TRAY_CHANGE:
        (<AliasNumber>call)(NULL, dom, name, args[1], to)
    elif kind == KIND_MEMORY_DEVICE_SIZE_CHANGE:
        (<AliasSize>call)(NULL, dom, name, args[1], to)
    else:
        (<Alias>call)(NULL, dom, name, to)


cdef fire_graphics(void* call, virDomainPtr dom, void* to, tuple args):
    cdef virDomainEventGraphicsAddress here, there
    cdef virDomainEventGraphicsSubjectIdentity proofs[32]
    cdef virDomainEventGraphicsSubject subject
    phase, local, remote, scheme, identities = args
    here.family, here.node, here.service = (
        local[0], <char*>c_text(local[1]), <char*>c_text(local[2]))
    there.family, there.node, there.service = (
        remote[0], <char*>c_text(remote[1]), <char*>c_text(remote[2]))
    subject.nidentity = len(identities)
    subject.identities = proofs
    for i, (type_, name) in enumerate(identities):
        proofs[i].type = <char*>c_text(type_)
        proofs[i].name = <char*>c_text(name)
    (<Graphics>call)(NULL, dom, <int>phase, &here, &there, c_text(scheme), &subject, to)


cdef fire_parameters(void* call, virDomainPtr dom, void* to, tuple pairs):
    """Pairs of name and value; an int is ULLONG, or LLONG below 0; None is a type unknown here."""
    cdef virTypedParameter params[256]
    for i, (name, value) in enumerate(pairs):
        memset(&params[i], 0, sizeof(virTypedParameter))
        memcpy(params[i].field, <const char*>name, len(name))
        if isinstance(value, bool):
            params[i].type = VIR_TYPED_PARAM_BOOLEAN
            params[i].value.b = value
        elif isinstance(value, int) and value < 0:
            params[i].type = VIR_TYPED_PARAM_LLONG
            params[i].value.l = value
        elif isinstance(value, int):
            params[i].type = VIR_TYPED_PARAM_ULLONG
            params[i].value.ul = value
        elif isinstance(value, float):
            params[i].type = VIR_TYPED_PARAM_DOUBLE
            params[i].value.d = value
        elif isinstance(value, bytes):
            params[i].type = VIR_TYPED_PARAM_STRING
            params[i].value.s = <char*>value
        else:
            params[i].type = 99
    (<Parameters>call)(NULL, dom, params, len(pairs), to)
