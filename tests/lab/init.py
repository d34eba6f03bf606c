"""Process 1 of a lab node: makes the node's own file system view, then reaps children.

Runs by itself (``python -I init.py ROOT NAME KEPT``) inside fresh mount, pid, network and UTS
namespaces. When its standard input closes it kills everything in its pid namespace, removes what
the node left on the machine, and ends: a killed test leaves nothing behind. What libvirtd found
out about QEMU is kept for the next node in the folder KEPT.
"""

import contextlib
import os
import secrets
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

# What the node has of its own; each is bound over the machine's.
PRIVATE = {
    "run": "/run",
    "lib": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "etc": "/etc/libvirt",
}
KVM_DEVICE = (10, 232)
CGROUP = Path("/sys/fs/cgroup")
CAPABILITIES = "cache/qemu/capabilities"  # of libvirtd; it sees by itself what is out of date


def mount(*arguments: str) -> None:
    """One mount command; its message is the error's."""
    subprocess.run(["mount", *arguments], check=True)


def own_sysfs(root: Path) -> None:
    """A sysfs of this network namespace, with the machine's cgroup tree where it was."""
    keep = root / "cgroup"
    keep.mkdir()
    mount("--rbind", str(CGROUP), str(keep))
    mount("-t", "sysfs", "sysfs", "/sys")
    mount("--rbind", str(keep), str(CGROUP))
    subprocess.run(["umount", "--lazy", "--recursive", str(keep)], check=True)


def own_kvm(root: Path) -> None:
    """A /dev/kvm that QEMU's user opens, leaving the machine's as it is.

    Where root can open it and libvirt's user can't, libvirt probes QEMU again at every start.
    """
    if not Path("/dev/kvm").exists():
        return
    devices = root / "dev"
    devices.mkdir()
    mount("-t", "tmpfs", "tmpfs", str(devices))
    node = devices / "kvm"
    os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(*KVM_DEVICE))
    node.chmod(0o666)
    mount("--bind", str(node), "/dev/kvm")


def bring(found: Path, target: Path) -> None:
    """Copy what is newer; another node that reads or writes there now finds whole files only."""
    target.mkdir(parents=True, exist_ok=True)
    for path in found.glob("*.xml"):
        there = target / path.name
        if not there.exists() or there.stat().st_mtime < path.stat().st_mtime:
            new = target / secrets.token_hex(8)
            shutil.copy2(path, new)
            new.replace(there)


def set_up(root: Path, name: str, kept: Path) -> None:
    """Everything that must stand before libvirtd starts."""
    socket.sethostname(name)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    own_sysfs(root)
    own_kvm(root)
    bring(kept, root / CAPABILITIES)  # saves probing every QEMU binary: 0.7 s a node
    for folder, target in PRIVATE.items():
        if not Path(target).is_dir():
            raise SystemExit(f"{target} does not exist: install libvirt-daemon-system")
        mount("--bind", str(root / folder), target)


def reap() -> None:
    """Wait for every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def take_away(root: Path, name: str, kept: Path) -> None:
    """Kill every other process here, then remove the guests' cgroups and the node's files."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    with contextlib.suppress(OSError):
        bring(root / CAPABILITIES, kept)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.lab import cgroups

    cgroups.remove(name)
    subprocess.run(["umount", "--lazy", "/dev/kvm", str(root / "dev")], check=False)
    shutil.rmtree(root, ignore_errors=True)


def main() -> None:
    """Set up, say so on standard output, reap until standard input closes."""
    root, name, kept = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    set_up(root, name, kept)
    wake, write = os.pipe()
    os.set_blocking(write, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    os.write(1, b"ready\n")
    while True:
        readable, _, _ = select.select([0, wake], [], [])
        if wake in readable:
            os.read(wake, 4096)
        reap()
        if 0 in readable and not os.read(0, 4096):
            take_away(root, name, kept)
            return


if __name__ == "__main__":
    main()
