"""libvirt's C API, as far as hostmon calls it."""

cdef extern from *:
    """
    #define VIR_ENUM_SENTINELS  /* for VIR_DOMAIN_EVENT_ID_LAST of these headers */
    #include <libvirt/libvirt.h>
    #include <libvirt/virterror.h>
    """

cdef extern from "<libvirt/libvirt.h>" nogil:
    ctypedef struct virConnect:
        pass
    ctypedef struct virDomain:
        pass
    ctypedef struct virNetwork:
        pass
    ctypedef struct virStoragePool:
        pass
    ctypedef virConnect* virConnectPtr
    ctypedef virDomain* virDomainPtr
    ctypedef virNetwork* virNetworkPtr
    ctypedef virStoragePool* virStoragePoolPtr

    enum:
        VIR_UUID_BUFLEN
        VIR_DOMAIN_EVENT_ID_LAST
        VIR_NETWORK_EVENT_ID_LIFECYCLE
        VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE
        VIR_STORAGE_POOL_EVENT_ID_REFRESH
        VIR_TYPED_PARAM_FIELD_LENGTH
        VIR_TYPED_PARAM_INT
        VIR_TYPED_PARAM_UINT
        VIR_TYPED_PARAM_LLONG
        VIR_TYPED_PARAM_ULLONG
        VIR_TYPED_PARAM_DOUBLE
        VIR_TYPED_PARAM_BOOLEAN
        VIR_TYPED_PARAM_STRING

    ctypedef union virTypedParameterValue:
        int i
        unsigned int ui
        long long int l
        unsigned long long int ul
        double d
        char b
        char* s

    ctypedef struct virTypedParameter:
        char field[80]
        int type
        virTypedParameterValue value

    ctypedef virTypedParameter* virTypedParameterPtr

    ctypedef struct virDomainEventGraphicsAddress:
        int family
        char* node
        char* service

    ctypedef struct virDomainEventGraphicsSubjectIdentity:
        char* type
        char* name

    ctypedef struct virDomainEventGraphicsSubject:
        int nidentity
        virDomainEventGraphicsSubjectIdentity* identities

    ctypedef void (*virFreeCallback)(void* opaque) noexcept nogil
    ctypedef void (*virConnectDomainEventGenericCallback)(
        virConnectPtr, virDomainPtr, void*) noexcept nogil
    ctypedef void (*virConnectNetworkEventGenericCallback)(
        virConnectPtr, virNetworkPtr, void*) noexcept nogil
    ctypedef void (*virConnectStoragePoolEventGenericCallback)(
        virConnectPtr, virStoragePoolPtr, void*) noexcept nogil
    ctypedef void (*virEventTimeoutCallback)(int timer, void* opaque) noexcept nogil

    int virInitialize()
    int virEventRegisterDefaultImpl()
    int virEventRunDefaultImpl()
    int virEventAddTimeout(int, virEventTimeoutCallback, void*, virFreeCallback)
    int virEventRemoveTimeout(int)

    int virConnectDomainEventRegisterAny(
        virConnectPtr, virDomainPtr, int, virConnectDomainEventGenericCallback, void*,
        virFreeCallback)
    int virConnectDomainEventDeregisterAny(virConnectPtr, int)
    int virConnectNetworkEventRegisterAny(
        virConnectPtr, virNetworkPtr, int, virConnectNetworkEventGenericCallback, void*,
        virFreeCallback)
    int virConnectNetworkEventDeregisterAny(virConnectPtr, int)
    int virConnectStoragePoolEventRegisterAny(
        virConnectPtr, virStoragePoolPtr, int, virConnectStoragePoolEventGenericCallback, void*,
        virFreeCallback)
    int virConnectStoragePoolEventDeregisterAny(virConnectPtr, int)

    int virDomainGetUUID(virDomainPtr, unsigned char*)
    const char* virDomainGetName(virDomainPtr)
    unsigned int virDomainGetID(virDomainPtr)
    int virNetworkGetUUID(virNetworkPtr, unsigned char*)
    const char* virNetworkGetName(virNetworkPtr)
    int virStoragePoolGetUUID(virStoragePoolPtr, unsigned char*)
    const char* virStoragePoolGetName(virStoragePoolPtr)

cdef extern from "<libvirt/virterror.h>" nogil:
    enum:
        VIR_ERR_NO_CONNECT
        VIR_ERR_SYSTEM_ERROR
        VIR_ERR_RPC
    void virResetLastError()
    int virGetLastErrorCode()
    const char* virGetLastErrorMessage()
