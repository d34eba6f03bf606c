"""The callbacks of domain events, in the order of their ids (libvirt-domain.h)."""


cdef int on_lifecycle(
    virConnectPtr conn, virDomainPtr dom, int event, int detail, void* opaque
) noexcept nogil:
    # Its fields are the header's two numbers; the dispatcher, which also makes such events itself,
    # puts their names.
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_LIFECYCLE)
    d.header.event = event
    d.header.detail = detail
    send(&d)
    return 0


cdef void on_reboot(virConnectPtr conn, virDomainPtr dom, void* opaque) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_REBOOT)
    send(&d)


cdef void on_rtc_change(
    virConnectPtr conn, virDomainPtr dom, long long utcoffset, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_RTC_CHANGE)
    put_int(field(&d, "utcoffset"), utcoffset)
    send(&d)


cdef void on_watchdog(
    virConnectPtr conn, virDomainPtr dom, int action, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_WATCHDOG)
    put_name(field(&d, "action"), &watchdog_actions, action)
    send(&d)


cdef void address_field(
    Draft* d, const char* key, const virDomainEventGraphicsAddress* a
) noexcept nogil:
    put_array(field(d, key), 3)
    put_name(&d.body, &graphics_families, a.family)
    put_bounded(d, a.node, SHORT_TEXT)
    put_bounded(d, a.service, SHORT_TEXT)


cdef void on_graphics(
    virConnectPtr conn, virDomainPtr dom, int phase,
    const virDomainEventGraphicsAddress* local, const virDomainEventGraphicsAddress* remote,
    const char* scheme, const virDomainEventGraphicsSubject* subject, void* opaque
) noexcept nogil:
    cdef Draft d
    cdef int i, count
    begin_domain(&d, dom, opaque, KIND_GRAPHICS)
    put_name(field(&d, "phase"), &graphics_phases, phase)
    address_field(&d, "local", local)
    address_field(&d, "remote", remote)
    text_field(&d, "auth_scheme", scheme)
    count = bounded_count(&d, subject.nidentity, MOST_IDENTITIES) if subject != NULL else 0
    put_array(field(&d, "subject"), count)
    for i in range(count):
        put_array(&d.body, 2)
        put_bounded(&d, subject.identities[i].type, SHORT_TEXT)
        put_bounded(&d, subject.identities[i].name, SHORT_TEXT)
    send(&d)


cdef void on_io_error(
    virConnectPtr conn, virDomainPtr dom, const char* path, const char* alias_, int action,
    const char* reason, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_IO_ERROR)
    text_field(&d, "src_path", path)
    text_field(&d, "dev_alias", alias_)
    put_name(field(&d, "action"), &io_error_actions, action)
    text_field(&d, "reason", reason)
    send(&d)


cdef void on_control_error(virConnectPtr conn, virDomainPtr dom, void* opaque) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_CONTROL_ERROR)
    send(&d)


cdef void on_disk_change(
    virConnectPtr conn, virDomainPtr dom, const char* old, const char* new, const char* alias_,
    int reason, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_DISK_CHANGE)
    text_field(&d, "old_src_path", old)
    text_field(&d, "new_src_path", new)
    text_field(&d, "dev_alias", alias_)
    put_name(field(&d, "reason"), &disk_change_reasons, reason)
    send(&d)


cdef void on_tray_change(
    virConnectPtr conn, virDomainPtr dom, const char* alias_, int reason, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_TRAY_CHANGE)
    text_field(&d, "dev_alias", alias_)
    put_name(field(&d, "reason"), &tray_change_reasons, reason)
    send(&d)


cdef inline void power(virDomainPtr dom, int reason, void* opaque, int kind) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, kind)
    put_int(field(&d, "reason"), reason)
    send(&d)


cdef void on_pm_wakeup(
    virConnectPtr conn, virDomainPtr dom, int reason, void* opaque
) noexcept nogil:
    power(dom, reason, opaque, KIND_PM_WAKEUP)


cdef void on_pm_suspend(
    virConnectPtr conn, virDomainPtr dom, int reason, void* opaque
) noexcept nogil:
    power(dom, reason, opaque, KIND_PM_SUSPEND)


cdef void on_pm_suspend_disk(
    virConnectPtr conn, virDomainPtr dom, int reason, void* opaque
) noexcept nogil:
    power(dom, reason, opaque, KIND_PM_SUSPEND_DISK)


cdef void on_balloon_change(
    virConnectPtr conn, virDomainPtr dom, unsigned long long actual, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_BALLOON_CHANGE)
    put_uint(field(&d, "actual"), actual * 1024)
    send(&d)


cdef inline void device(
    virDomainPtr dom, const char* alias_, void* opaque, int kind
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, kind)
    text_field(&d, "dev_alias", alias_)
    send(&d)


cdef void on_device_removed(
    virConnectPtr conn, virDomainPtr dom, const char* alias_, void* opaque
) noexcept nogil:
    device(dom, alias_, opaque, KIND_DEVICE_REMOVED)


cdef void on_device_added(
    virConnectPtr conn, virDomainPtr dom, const char* alias_, void* opaque
) noexcept nogil:
    device(dom, alias_, opaque, KIND_DEVICE_ADDED)


cdef void on_device_removal_failed(
    virConnectPtr conn, virDomainPtr dom, const char* alias_, void* opaque
) noexcept nogil:
    device(dom, alias_, opaque, KIND_DEVICE_REMOVAL_FAILED)


cdef void on_block_job(
    virConnectPtr conn, virDomainPtr dom, const char* disk, int type_, int status, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_BLOCK_JOB)
    text_field(&d, "disk", disk)
    put_name(field(&d, "type"), &block_job_types, type_)
    put_name(field(&d, "status"), &block_job_statuses, status)
    send(&d)


cdef void on_tunable(
    virConnectPtr conn, virDomainPtr dom, virTypedParameterPtr params, int count, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_TUNABLE)
    parameters_field(&d, params, count)
    send(&d)


cdef void on_agent_lifecycle(
    virConnectPtr conn, virDomainPtr dom, int state, int reason, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_AGENT_LIFECYCLE)
    d.header.event = state
    put_name(field(&d, "state"), &agent_states, state)
    put_name(field(&d, "reason"), &agent_reasons, reason)
    send(&d)


cdef void on_migration_iteration(
    virConnectPtr conn, virDomainPtr dom, int iteration, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_MIGRATION_ITERATION)
    put_int(field(&d, "iteration"), iteration)
    send(&d)


cdef void on_job_completed(
    virConnectPtr conn, virDomainPtr dom, virTypedParameterPtr params, int count, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_JOB_COMPLETED)
    parameters_field(&d, params, count)
    send(&d)


cdef void on_metadata_change(
    virConnectPtr conn, virDomainPtr dom, int type_, const char* nsuri, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_METADATA_CHANGE)
    put_name(field(&d, "type"), &metadata_types, type_)
    text_field(&d, "nsuri", nsuri)
    send(&d)


cdef void on_block_threshold(
    virConnectPtr conn, virDomainPtr dom, const char* dev, const char* path,
    unsigned long long threshold, unsigned long long excess, void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_BLOCK_THRESHOLD)
    text_field(&d, "dev", dev)
    text_field(&d, "path", path)
    put_uint(field(&d, "threshold"), threshold)
    put_uint(field(&d, "excess"), excess)
    send(&d)


cdef void on_memory_failure(
    virConnectPtr conn, virDomainPtr dom, int recipient, int action, unsigned int flags,
    void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_MEMORY_FAILURE)
    put_name(field(&d, "recipient"), &memory_failure_recipients, recipient)
    put_name(field(&d, "action"), &memory_failure_actions, action)
    put_uint(field(&d, "flags"), flags)
    send(&d)


cdef void on_memory_device_size_change(
    virConnectPtr conn, virDomainPtr dom, const char* alias_, unsigned long long size,
    void* opaque
) noexcept nogil:
    cdef Draft d
    begin_domain(&d, dom, opaque, KIND_MEMORY_DEVICE_SIZE_CHANGE)
    text_field(&d, "dev_alias", alias_)
    put_uint(field(&d, "size"), size * 1024)
    send(&d)
