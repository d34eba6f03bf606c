"""Checksums of base images: against the one that came with the image, or the first one seen."""

import hashlib
import os
import re
from pathlib import Path

from hostmon.images.ages import Memory

SUFFIX = ".sha256"
"""``NAME.sha256`` beside an image holds its checksum, as sha256sum writes it."""

_HEX = re.compile(r"\s*(?P<sum>[0-9a-fA-F]{64})\b")
_PIECE = 4 << 20


def recorded(path: Path) -> str:
    """The checksum that came with an image; empty without one."""
    try:
        text = path.with_name(path.name + SUFFIX).read_bytes()[:4096].decode("ascii", "replace")
    except OSError:
        return ""
    match = _HEX.match(text)
    return match["sum"].lower() if match else ""


def compute(path: Path) -> str:
    """The SHA-256 of a file; raises OSError. Leaves nothing of it in the page cache."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        done = 0
        while piece := file.read(_PIECE):
            digest.update(piece)
            os.posix_fadvise(file.fileno(), done, len(piece), os.POSIX_FADV_DONTNEED)
            done += len(piece)
    return digest.hexdigest()


def verify(path: Path, memory: Memory, now: float) -> str:
    """Reads a file and remembers when; what is wrong with it, empty if nothing is.

    Raises OSError.
    """
    found, came_with = compute(path), recorded(path)
    memory.verified_at = now
    if came_with:
        return "" if found == came_with else f"checksum differs from {path.name}{SUFFIX}"
    if not memory.sha256:
        memory.sha256 = found
    return "" if found == memory.sha256 else "content differs from when it was first seen"
