"""Where the host's control group hierarchies are mounted (v1, v2 or both), from /proc/mounts.

Owns the reading of mounts only; which group is a guest's is read from /proc/PID/cgroup by the
kernel sampler, never from here.
"""

import re
from pathlib import Path

UNIFIED = "unified"
_ESCAPE = re.compile(rb"\\([0-7]{3})")


def parse_mounts(text: bytes) -> dict[str, str]:
    """The mount point of each controller (v1, also ``name=...``) and of ``unified`` (v2).

    Of two mounts of one hierarchy the later one counts, as for libvirt. Lines that are not
    mounts are skipped (format: fstab(5), with blanks as octal escapes).
    """
    mounts: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 4:
            continue
        where = _unescape(fields[1])
        if fields[2] == b"cgroup2":
            mounts[UNIFIED] = where
        elif fields[2] == b"cgroup":
            for option in fields[3].split(b","):
                mounts[option.decode(errors="surrogateescape")] = where
    return mounts


def host_mounts(mounts: Path = Path("/proc/self/mounts")) -> dict[str, str]:
    """The running host's; OSError if they cannot be read."""
    return parse_mounts(mounts.read_bytes())


def _unescape(field: bytes) -> str:
    plain = _ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field)
    return plain.decode(errors="surrogateescape")
