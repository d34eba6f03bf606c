"""Reading the small files of /proc and /sys, where any may be absent, empty or garbage.

An absent or senseless value is None (or the empty list): the caller decides what that means.
"""

import os
import re
from pathlib import Path

import msgspec

MAX_FILE = 16 << 20
# Most files are smaller. Room for the largest would be mapped, and unmapped, for each of them.
AT_ONCE = 16 << 10
# The kernel's limits are 8,192 processors and 1,024 nodes; a larger id is garbage.
MAX_ID = 1 << 16

_RANGE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6})(?::([0-9]{1,6})/([0-9]{1,6}))?)?")


class Roots(msgspec.Struct, frozen=True):
    """Where the kernel shows itself."""

    system: Path = Path("/sys/devices/system")
    proc: Path = Path("/proc")
    hugepages: Path = Path("/sys/kernel/mm/hugepages")
    resctrl: Path = Path("/sys/fs/resctrl")

    @classmethod
    def under(cls, sys: Path, proc: Path) -> "Roots":
        """The roots of a recorded /sys and /proc."""
        return cls(
            system=sys / "devices/system",
            proc=proc,
            hugepages=sys / "kernel/mm/hugepages",
            resctrl=sys / "fs/resctrl",
        )


HERE = Roots()


def read_text(path: Path) -> str | None:
    """A file's text without what is beyond 16 MiB; bytes that are not UTF-8 are replaced."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    parts, left = [], MAX_FILE
    try:
        while left and (part := os.read(file, min(left, AT_ONCE))):
            parts.append(part)
            left -= len(part)
    except OSError:
        return None
    finally:
        os.close(file)
    return b"".join(parts).decode("utf-8", "replace")


def read_int(path: Path, base: int = 10) -> int | None:
    """A file that holds one number."""
    text = read_text(path)
    try:
        # The kernel's numbers have at most 20 digits: more is garbage, and slow to convert.
        return None if text is None else int(text[:32], base)
    except ValueError:
        return None


def read_unsigned(path: Path) -> int:
    """A file that holds one number, 0 where there is none or a negative one (kernel: unknown)."""
    return max(0, read_int(path) or 0)


def read_ids(path: Path) -> tuple[int, ...] | None:
    """A file that holds a list such as 0-3,8."""
    text = read_text(path)
    return None if text is None else parse_ids(text)


def parse_ids(text: str) -> tuple[int, ...]:
    """A list such as ``0-3,8`` or ``0-30:1/4``; what is neither is passed over.

    No list names an id twice: what follows as many as there can be is passed over too.
    Source: the kernel's Documentation/core-api, cpu lists (bitmap_parselist).
    """
    ids: set[int] = set()
    room = MAX_ID
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            continue
        first = int(match[1])
        last = min(int(match[2] or match[1]), MAX_ID - 1)
        used, group = int(match[3] or 1), int(match[4] or 1)
        room -= max(1, last - first + 1)
        if room < 0:
            break
        if group > 0:
            ids.update(i for i in range(first, last + 1) if (i - first) % group < used)
    return tuple(sorted(ids))


def numbered(folder: Path, prefix: str) -> tuple[int, ...]:
    """The numbers of a folder's entries named by a prefix and a number, sorted."""
    pattern = re.compile(re.escape(prefix) + r"([0-9]{1,6})")
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return ()
    found = (pattern.fullmatch(name) for name in names)
    return tuple(sorted(i for i in (int(m[1]) for m in found if m) if i < MAX_ID))
