"""The cgroups a node's guests leave behind: all nodes of a machine share one tree."""

import contextlib
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def mounts() -> list[Path]:
    """Where cgroup hierarchies of either version are mounted."""
    rows = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(row[1]) for row in rows if row[2] in {"cgroup", "cgroup2"}]


def belonging(prefix: str) -> list[Path]:
    """Every cgroup of the guests whose names start with the prefix, parents first."""
    found: list[Path] = []
    for mount in mounts():
        for scope in mount.glob("machine*/*"):
            # qemu-ID-NAME.libvirt-qemu, or machine-qemu\x2dID\x2dNAME.scope under systemd
            if prefix in scope.name.replace("\\x2d", "-"):
                # os.walk passes over what libvirt or the node's init removes meanwhile.
                found.extend(Path(folder) for folder, _, _ in os.walk(scope))
    return found


def remove(prefix: str, deadline_s: float = 5.0) -> list[Path]:
    """Remove them; what is left at the deadline is returned."""
    end = time.monotonic() + deadline_s
    while left := belonging(prefix):
        for path in reversed(left):
            with contextlib.suppress(OSError):
                path.rmdir()
        if time.monotonic() > end:
            return belonging(prefix)
        time.sleep(0.005)
    return []
