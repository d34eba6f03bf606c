"""The callbacks of networks and storage pools (libvirt-network.h, libvirt-storage.h)."""


cdef void on_network(
    virConnectPtr conn, virNetworkPtr net, int event, int detail, void* opaque
) noexcept nogil:
    cdef Draft d
    begin(&d, opaque, KIND_NETWORK, virNetworkGetName(net))
    virNetworkGetUUID(net, d.header.uuid)
    d.header.about = ABOUT_OBJECT
    put_name(field(&d, "event"), &network_events, event)
    put_int(field(&d, "detail"), detail)
    send(&d)


cdef void begin_pool(Draft* d, virStoragePoolPtr pool, void* opaque, int kind) noexcept nogil:
    begin(d, opaque, kind, virStoragePoolGetName(pool))
    virStoragePoolGetUUID(pool, d.header.uuid)
    d.header.about = ABOUT_OBJECT


cdef void on_pool(
    virConnectPtr conn, virStoragePoolPtr pool, int event, int detail, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_pool(&d, pool, opaque, KIND_POOL)
    put_name(field(&d, "event"), &pool_events, event)
    put_int(field(&d, "detail"), detail)
    send(&d)


cdef void on_pool_refresh(
    virConnectPtr conn, virStoragePoolPtr pool, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_pool(&d, pool, opaque, KIND_POOL_REFRESH)
    send(&d)
