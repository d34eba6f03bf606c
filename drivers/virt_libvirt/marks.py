"""What tells, without asking libvirtd, that it changed a guest: the files in which it keeps it.

libvirtd writes a guest's definition, and the state of one that runs, at each change before it says
that the change is made, and as another file in the old one's place. Their names, times and sizes
may be seen by whoever may enter the folders; what is in them may not, and is not read.
"""

import hashlib
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

CONFIG, RUN = Path("/etc/libvirt/qemu"), Path("/run/libvirt/qemu")
"""Where the system's libvirtd keeps definitions, and guests that run (libvirt's qemu.conf)."""

FOLDERS = (CONFIG, CONFIG / "autostart", RUN)
"""Whoever replaces a file in a folder changes the folder too."""
SETTLED_NS = 100_000_000
"""A folder changed as lately as this may change again without showing it: its clock has ticks."""

Stamp = tuple[tuple[int, int], ...]


def folders_stamp(folders: tuple[Path, ...] = FOLDERS) -> Stamp | None:
    """Equal to an earlier one if nothing was replaced in the folders since; None: no telling."""
    found = []
    newest = time.time_ns() - SETTLED_NS
    for folder in folders:
        try:
            seen = folder.stat()
        except FileNotFoundError:
            found.append((0, 0))
            continue
        except OSError:
            return None
        if seen.st_mtime_ns > newest:
            return None
        found.append((seen.st_ino, seen.st_mtime_ns))
    return tuple(found) if any(number for number, _ in found) else None


def marked(uri: str) -> bool:
    """Whether this URI is of the libvirtd that keeps its guests there: this machine's, for QEMU."""
    parts = urlsplit(uri)
    own = parts.scheme in {"qemu", "qemu+unix"} and parts.path == "/system"
    return own and not parts.netloc and "socket" not in parts.query


def mark_of(name: str, number: int, config: Path = CONFIG, run: Path = RUN) -> str:
    """A short text that is another after each change; nothing where there is no telling.

    A guest that runs (``number`` is its id) has a file in ``run``, any other one in ``config``.
    """
    try:
        found = [stamp(path / f"{name}.xml") for path in (config, config / "autostart", run)]
    except (OSError, ValueError):  # not permitted, or no name for a file
        return ""
    if not found[2 if number >= 0 else 0]:
        return ""
    return hashlib.blake2b(" ".join([str(number), *found]).encode(), digest_size=8).hexdigest()


def state_stamp(name: str, run: Path = RUN) -> str:
    """Another one after each change of the state of a guest that runs; nothing if none is there."""
    try:
        return stamp(run / f"{name}.xml")
    except (OSError, ValueError):
        return ""


def stamp(path: Path) -> str:
    """Which file it is and when it was written; nothing where there is none."""
    try:
        seen = os.lstat(path)
    except FileNotFoundError:
        return ""
    return f"{seen.st_ino}.{seen.st_size}.{seen.st_mtime_ns}.{seen.st_ctime_ns}"
