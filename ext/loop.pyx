"""libvirt's event loop, run in a thread of its own that never holds the GIL.

Owns libvirt's default event implementation, of which a process has one: it must be registered
before any connection opens, and for good. Python sees it through :mod:`hostmon.eventloop` alone.
"""

from libvirt cimport (
    virEventAddTimeout,
    virEventRegisterDefaultImpl,
    virEventRemoveTimeout,
    virEventRunDefaultImpl,
    virInitialize,
)

cdef int stopping = 0
cdef unsigned long long turns = 0


cdef void wake(int timer, void* opaque) noexcept nogil:
    """A timeout that fires once: its only purpose is that the loop's poll returns."""
    virEventRemoveTimeout(timer)


def register() -> None:
    """Register libvirt's event implementation; call it before any connection opens."""
    if virInitialize() < 0 or virEventRegisterDefaultImpl() < 0:
        raise RuntimeError("libvirt refused its own event implementation")


def run() -> int:
    """Turn the loop until :func:`stop`; returns how many errors a turn reported."""
    global stopping, turns
    cdef int errors = 0
    stopping = 0
    with nogil:
        while not stopping:
            if virEventRunDefaultImpl() < 0:
                errors += 1
            turns += 1
    return errors


def turn_count() -> int:
    """Turns of the loop since the process began: it lives while this grows."""
    return turns


def nudge() -> None:
    """Make the loop turn once more; from any thread."""
    cdef int timer
    with nogil:
        timer = virEventAddTimeout(0, wake, NULL, NULL)
    if timer < 0:
        raise RuntimeError("libvirt's event loop takes no timeout")


def stop() -> None:
    """End :func:`run`; from any thread."""
    global stopping
    stopping = 1
    nudge()
