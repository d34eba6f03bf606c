"""The machine a measurement was taken on."""

import os
import platform
import re
import shutil
import subprocess
from typing import Any

from tests.lab.node import accelerator


def libvirt_version() -> str | None:
    """The version of libvirt's library, None without it."""
    try:
        import libvirt
    except ImportError:
        return None
    number = libvirt.getVersion()
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"


def qemu_version() -> str | None:
    """The version of this machine's QEMU, None without it."""
    binary = shutil.which(f"qemu-system-{platform.machine()}")
    if binary is None:
        return None
    text = subprocess.check_output([binary, "--version"], text=True)
    match = re.search(r"version ([\d.]+)", text)
    return match[1] if match else None


def environment(guests: int | None) -> dict[str, Any]:
    """The block that goes with every bench's results."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "libvirt": libvirt_version(),
        "qemu": qemu_version(),
        "python": platform.python_version(),
        "guests": guests,
        "accel": {"kvm": "kvm", "qemu": "tcg"}[accelerator()],
    }
