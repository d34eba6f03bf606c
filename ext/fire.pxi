"""Raise a callback as libvirt would, for what no test can make a hypervisor do."""


cdef const char* c_text(object text) except? NULL:
    """The bytes of a text that the caller keeps alive; NULL for None."""
    if text is None:
        return NULL
    return <const char*>text


def fire(pipe, domain, int kind, *args):
    """Call the callback of ``kind`` on a libvirt domain with libvirt's own arguments (bytes, int).

    A graphics address is (family, node, service), identities and parameters are tuples of pairs.
    """
    cdef void* opaque = <void*><uintptr_t>pipe.address
    cdef virDomainPtr dom = <virDomainPtr>PyCapsule_GetPointer(domain._o, "virDomainPtr")
    if kind == KIND_LIFECYCLE:
        on_lifecycle(NULL, dom, args[0], args[1], opaque)
    elif kind == KIND_REBOOT:
        on_reboot(NULL, dom, opaque)
    elif kind == KIND_RTC_CHANGE:
        on_rtc_change(NULL, dom, args[0], opaque)
    elif kind == KIND_WATCHDOG:
        on_watchdog(NULL, dom, args[0], opaque)
    elif kind == KIND_GRAPHICS:
        fire_graphics(dom, opaque, args[0], args[1], args[2], args[3], args[4])
    elif kind == KIND_IO_ERROR:
        on_io_error(
            NULL, dom, c_text(args[0]), c_text(args[1]), args[2], c_text(args[3]), opaque)
    elif kind == KIND_CONTROL_ERROR:
        on_control_error(NULL, dom, opaque)
    elif kind == KIND_DISK_CHANGE:
        on_disk_change(
            NULL, dom, c_text(args[0]), c_text(args[1]), c_text(args[2]), args[3], opaque)
    elif kind == KIND_TRAY_CHANGE:
        on_tray_change(NULL, dom, c_text(args[0]), args[1], opaque)
    elif kind == KIND_PM_WAKEUP:
        on_pm_wakeup(NULL, dom, args[0], opaque)
    elif kind == KIND_PM_SUSPEND:
        on_pm_suspend(NULL, dom, args[0], opaque)
    elif kind == KIND_BALLOON_CHANGE:
        on_balloon_change(NULL, dom, args[0], opaque)
    elif kind == KIND_PM_SUSPEND_DISK:
        on_pm_suspend_disk(NULL, dom, args[0], opaque)
    elif kind == KIND_DEVICE_REMOVED:
        on_device_removed(NULL, dom, c_text(args[0]), opaque)
    elif kind == KIND_BLOCK_JOB:
        on_block_job(NULL, dom, c_text(args[0]), args[1], args[2], opaque)
    elif kind == KIND_AGENT_LIFECYCLE:
        on_agent_lifecycle(NULL, dom, args[0], args[1], opaque)
    elif kind == KIND_DEVICE_ADDED:
        on_device_added(NULL, dom, c_text(args[0]), opaque)
    elif kind == KIND_MIGRATION_ITERATION:
        on_migration_iteration(NULL, dom, args[0], opaque)
    elif kind in (KIND_TUNABLE, KIND_JOB_COMPLETED):
        fire_parameters(dom, opaque, kind, args[0])
    elif kind == KIND_DEVICE_REMOVAL_FAILED:
        on_device_removal_failed(NULL, dom, c_text(args[0]), opaque)
    elif kind == KIND_METADATA_CHANGE:
        on_metadata_change(NULL, dom, args[0], c_text(args[1]), opaque)
    elif kind == KIND_BLOCK_THRESHOLD:
        on_block_threshold(
            NULL, dom, c_text(args[0]), c_text(args[1]), args[2], args[3], opaque)
    elif kind == KIND_MEMORY_FAILURE:
        on_memory_failure(NULL, dom, args[0], args[1], args[2], opaque)
    elif kind == KIND_MEMORY_DEVICE_SIZE_CHANGE:
        on_memory_device_size_change(NULL, dom, c_text(args[0]), args[1], opaque)
    else:
        raise ValueError(f"no callback of kind {kind}")


cdef fire_graphics(
    virDomainPtr dom, void* opaque, int phase, tuple local, tuple remote, scheme, tuple identities
):
    cdef virDomainEventGraphicsAddress here, there
    cdef virDomainEventGraphicsSubjectIdentity proofs[32]
    cdef virDomainEventGraphicsSubject subject
    here.family, here.node, here.service = (
        local[0], <char*>c_text(local[1]), <char*>c_text(local[2]))
    there.family, there.node, there.service = (
        remote[0], <char*>c_text(remote[1]), <char*>c_text(remote[2]))
    subject.nidentity = len(identities)
    subject.identities = proofs
    for i, (type_, name) in enumerate(identities):
        proofs[i].type = <char*>c_text(type_)
        proofs[i].name = <char*>c_text(name)
    on_graphics(NULL, dom, phase, &here, &there, c_text(scheme), &subject, opaque)


cdef fire_parameters(virDomainPtr dom, void* opaque, int kind, tuple pairs):
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
    if kind == KIND_TUNABLE:
        on_tunable(NULL, dom, params, len(pairs), opaque)
    else:
        on_job_completed(NULL, dom, params, len(pairs), opaque)
