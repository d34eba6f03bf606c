"""Stops one thread of a process while the others go on, as a debugger does (ptrace(2)).

A signal stops a whole process; only this stops a thread of it.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WAIT_ALL = 0x40000000  # __WALL: threads that are no children of ours too

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, thread: int) -> None:
    if _libc.ptrace(request, thread, None, None) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace request {request} of thread {thread}: {os.strerror(number)}")


@contextmanager
def paused(thread: int) -> Iterator[None]:
    """The thread stands still; begin and end in one thread of ours, ptrace asks for that."""
    _ptrace(PTRACE_SEIZE, thread)
    try:
        _ptrace(PTRACE_INTERRUPT, thread)
        os.waitpid(thread, WAIT_ALL)
        yield
    finally:
        _ptrace(PTRACE_DETACH, thread)
