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
UNFINISHED = ".new"


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
        self._rotate_error = OSError()

    def open(self, header: bytes) -> int:
        """Go on with the newest file, or begin one with this header; returns the bytes cut off.

        What is cut off is a torn line at the end, or a newest file that holds nothing else.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        for unfinished in self._directory.glob(f".*{UNFINISHED}"):
            unfinished.unlink()
        torn = 0
        for newest in reversed(files(self._directory)):
            torn += cut_torn_line(newest)
            if newest.stat().st_size:
                self._descriptor = os.open(newest, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
                self._size = os.fstat(self._descriptor).st_size
                return torn
            newest.unlink()
        self._descriptor, self._size = self._create(header), len(header)
        return torn

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

        Raises OSError where it can't: nothing is written until it can, which is tried once a second
        at most, and failed for the same reason until then.
        """
        if time.monotonic() < self._rotate_after:
            raise OSError(self._rotate_error.errno, self._rotate_error.strerror)
        self._rotate_after = time.monotonic() + ROTATE_AGAIN
        try:
            self.sync()
            descriptor = self._create(header)
        except OSError as error:
            self._rotate_error = error
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

    def _create(self, header: bytes) -> int:
        """Create a file that sorts after all others, whatever the clock says; its descriptor.

        It has its name once it has its header: whoever is killed before leaves no empty file, from
        which nobody could tell how far the journal reaches.
        """
        newest = max((path.stem for path in files(self._directory)), default="")
        stamp = int(self._clock() * 1e9)
        previous = int(newest.rpartition("-")[2]) if newest else 0
        path = self._directory / f"journal-{max(stamp, previous + 1):020d}.jsonl"
        fresh = path.with_name(f".{path.name}{UNFINISHED}")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(fresh, flags, 0o640)
        try:
            write(descriptor, header, 0)
            os.fsync(descriptor)
            fresh.rename(path)
            sync_folder(self._directory)
        except OSError:
            os.close(descriptor)
            fresh.unlink(missing_ok=True)
            raise
        return descriptor


def sync_folder(directory: Path) -> None:
    """Put the names of its files on disk."""
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


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
