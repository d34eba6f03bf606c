"""Stops one thread of a process while the others go on, as a debugger does (ptrace(2)).

A signal stops a whole process; only this stops a thread of it.
"""

import contextlib
import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
PPOLL = {"x86_64": 271, "aarch64": 73}
"""ppoll's number, by machine."""

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


def dispatcher_of(pid: int, deadline_s: float = 10.0) -> int:
    """The dispatcher's thread in an agent: the one that waits in ppoll for four descriptors."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                call = (task / "syscall").read_text().split()
                if call[0] == str(PPOLL[os.uname().machine]) and call[2] == "0x4":
                    return int(task.name)
    raise ProcessLookupError(f"no thread of process {pid} waits as the dispatcher does")
