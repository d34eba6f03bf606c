"""libvirt's event loop in a thread of its own; one for the process, as libvirt has it.

Owns the thread. Whoever opens connections calls :func:`start` first: an event implementation that
is registered after a connection opened does nothing for it, silently.
"""

import threading

from hostmon import _loop

_lock = threading.Lock()
_thread: threading.Thread | None = None


def start() -> None:
    """Register libvirt's event implementation and run it; calling it again does nothing."""
    global _thread  # noqa: PLW0603  # libvirt's own registration is one for the process, too
    with _lock:
        if _thread is None:
            _loop.register()
            # It never ends: libvirt has no way to unregister, and a daemon thread that never
            # takes the GIL does not delay the end of the process.
            _thread = threading.Thread(target=_loop.run, name="libvirt-events", daemon=True)
            _thread.start()


def turn(timeout: float = 1.0) -> bool:
    """Let the loop turn at least once more, so that what it was doing before is over.

    False when it did not within ``timeout`` seconds: a callback is blocked.
    """
    waiter = threading.Event()
    before = _loop.turn_count()
    _loop.nudge()
    deadline = timeout
    while _loop.turn_count() < before + 2 and deadline > 0:
        waiter.wait(0.001)
        deadline -= 0.001
        _loop.nudge()
    return _loop.turn_count() >= before + 2
