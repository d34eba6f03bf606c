"""Removes one file that was proved unused, if it is still the same and nobody has it open.

A write lease is the proof of the last: the kernel grants it only while no other process has the
file open, whatever namespace that is in, and holds up whoever opens it until the file is gone.
Source: fcntl(2), F_SETLEASE.
"""

import errno
import fcntl
import os
import signal
import stat
from pathlib import Path

from hostmon.errors import ImageError

_REASONS = {
    errno.EAGAIN: "another process has it open",
    errno.EACCES: "not permitted: run as its owner, or with CAP_LEASE",
    errno.EINVAL: "its filesystem can't tell whether another process has it open",
}


def remove(path: Path, proved: os.stat_result) -> None:
    """Unlink the file that ``proved`` was read of; raises ImageError where it stays, with why."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        file = os.open(
            path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
        try:
            _prove(os.fstat(file), proved)
            _lease(file)
            os.unlink(path.name, dir_fd=folder)
        finally:
            os.close(file)  # and with it the lease
    except OSError as error:
        raise ImageError(f"not removed: {error.strerror}") from None
    finally:
        os.close(folder)


def _prove(now: os.stat_result, proved: os.stat_result) -> None:
    """Raise ImageError unless it is the file that was looked at, unchanged."""
    if not stat.S_ISREG(now.st_mode) or (now.st_dev, now.st_ino) != (proved.st_dev, proved.st_ino):
        raise ImageError("not removed: it is another file meanwhile")
    if (now.st_size, now.st_mtime_ns) != (proved.st_size, proved.st_mtime_ns):
        raise ImageError("not removed: it changed meanwhile")
    if now.st_nlink != 1:
        raise ImageError("not removed: it has another name somewhere (a hard link)")


def _lease(file: int) -> None:
    # Whoever opens the file while we hold the lease makes the kernel signal us: by one that does
    # nothing, for SIGIO ends a process that does not expect it.
    fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror)
        raise ImageError(f"not removed: {reason}") from None
