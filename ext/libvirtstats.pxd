"""libvirt's C API for statistics, as far as hostmon calls it."""

from libvirt cimport virConnectPtr, virDomainPtr, virTypedParameterPtr

cdef extern from "<libvirt/libvirt.h>" nogil:
    ctypedef struct virDomainStatsRecord:
        virDomainPtr dom
        virTypedParameterPtr params
        int nparams
    ctypedef virDomainStatsRecord* virDomainStatsRecordPtr

    ctypedef struct virDomainControlInfo:
        unsigned int state
        unsigned int details
        unsigned long long stateTime

    enum:
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        VIR_DOMAIN_STATS_BALLOON
        VIR_DOMAIN_STATS_VCPU
        VIR_DOMAIN_STATS_BLOCK
        VIR_DOMAIN_STATS_PERF
        VIR_DOMAIN_STATS_IOTHREAD
        VIR_DOMAIN_STATS_DIRTYRATE
        VIR_DOMAIN_CONTROL_OK
        VIR_DOMAIN_CONTROL_OCCUPIED
        VIR_DOMAIN_CONTROL_ERROR

    int virDomainListGetStats(
        virDomainPtr*, unsigned int, virDomainStatsRecordPtr**, unsigned int)
    void virDomainStatsRecordListFree(virDomainStatsRecordPtr*)
    virDomainPtr virDomainLookupByUUID(virConnectPtr, const unsigned char*)
    int virDomainFree(virDomainPtr)
    int virConnectIsAlive(virConnectPtr)
    int virDomainGetControlInfo(virDomainPtr, virDomainControlInfo*, unsigned int)
    int virDomainGetJobStats(virDomainPtr, int*, virTypedParameterPtr*, int*, unsigned int)
    int virDomainGetBlockIoTune(
        virDomainPtr, const char*, virTypedParameterPtr, int*, unsigned int)
    void virTypedParamsFree(virTypedParameterPtr, int)

cdef extern from "<libvirt/virterror.h>" nogil:
    enum:
        VIR_ERR_NO_DOMAIN
        VIR_FROM_RPC
        VIR_FROM_REMOTE
    ctypedef struct virError:
        int code
        int domain
        char* message
    virError* virGetLastError()
