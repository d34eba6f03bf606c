"""The journal's files: appended whole line by whole line, rotated, removed when too many or old.

Owns the open file. A line is in the kernel's hands when ``append`` returns, on disk after ``sync``.
"""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from hostmon.journal import files

ROTATE_AGAIN = 1.0


class JournalFiles:
    """The files of one directory, written by one process; sizes in bytes, ages in seconds."""

    def __init__(
        self,
        directory: Path,
        *,
        file_size: int,
        total_size: int,
        longest_age: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._file_size = file_size
        self._total_size = total_size
        self._longest_age = longest_age
        self._clock = clock
        self._descriptor = -1
        self._size = 0
        self._rotate_after = 0.0

    def open(self) -> int:
        """Go on with the newest file, or begin one; returns how many torn bytes were cut off."""
        self._directory.mkdir(parents=True, exist_ok=True)
        existing = files(self._directory)
        if not existing:
            _, self._descriptor = self._create()
            return 0
        torn = cut_torn_line(existing[-1])
        self._descriptor = os.open(existing[-1], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._size = os.fstat(self._descriptor).st_size
        return torn

    @property
    def size(self) -> int:
        """Of the file that is being written."""
        return self._size

    def append(self, line: bytes) -> None:
        """Write a line whole or, raising OSError, not at all."""
        write(self._descriptor, line, self._size)
        self._size += len(line)

    def sync(self) -> None:
        """Put everything appended on disk."""
        os.fdatasync(self._descriptor)

    def is_full(self) -> bool:
        """Whether the next line belongs into a new file."""
        return self._size >= self._file_size

    def rotate(self, header: bytes) -> None:
        """Begin a new file with a header; the one before it is on disk then.

        Raises OSError where there is no room for it: the file before it goes on being the one that
        is written, and a new one is tried for once a second at most.
        """
        if time.monotonic() < self._rotate_after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._rotate_after = time.monotonic() + ROTATE_AGAIN
        self.sync()
        path, descriptor = self._create()
        try:
            write(descriptor, header, 0)
        except OSError:
            os.close(descriptor)
            path.unlink()
            raise
        self.close()
        self._descriptor, self._size, self._rotate_after = descriptor, len(header), 0.0
        self.prune()

    def prune(self) -> None:
        """Remove the oldest files beyond the total size or the longest age, never the newest."""
        now = self._clock()
        known = [(path, path.stat()) for path in files(self._directory)]
        total = sum(status.st_size for _, status in known)
        for path, status in known[:-1]:
            if total <= self._total_size and now - status.st_mtime <= self._longest_age:
                return
            path.unlink()
            total -= status.st_size

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _create(self) -> tuple[Path, int]:
        """Create a file that sorts after all others, whatever the clock says."""
        newest = max((path.stem for path in files(self._directory)), default="")
        stamp = int(self._clock() * 1e9)
        previous = int(newest.rpartition("-")[2]) if newest else 0
        path = self._directory / f"journal-{max(stamp, previous + 1):020d}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o640)
        folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path, descriptor


def write(descriptor: int, line: bytes, size: int) -> None:
    """Append a line to a file of a size whole or, raising OSError, not at all."""
    written = os.write(descriptor, line)
    if written != len(line):
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def cut_torn_line(path: Path) -> int:
    """Cut off what a crash left after the last line's end; returns how many bytes."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        keep = end
        while keep > 0:
            start = max(0, keep - 65536)
            file.seek(start)
            at = file.read(keep - start).rfind(b"\n")
            if at >= 0:
                keep = start + at + 1
                break
            keep = start
        file.truncate(keep)
        return end - keep
