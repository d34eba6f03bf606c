"""One isolated host: a real libvirtd with QEMU in namespaces of its own.

A node owns its processes, mounts, cgroups and files, and takes all of them away when it closes. It
neither sees nor touches the machine's libvirtd. The cgroup tree is the machine's, so guests must be
named with the node's prefix (``name``).
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.lab import cgroups
from tests.lab.init import PRIVATE
from tests.lab.inside import Inside, child_of, enter
from tests.lab.kept import cache

KVM_GET_API_VERSION = 0xAE00
PROGRAMS = ("libvirtd", "virsh", "nsenter", "unshare", "setpriv", "ip", "mount")
LIBVIRTD_CONF = """\
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_ro_perms = "0777"
"""
QEMU_CONF = """\
security_driver = "none"
stdio_handler = "file"
"""


def missing() -> str | None:
    """What a node needs and this machine lacks, or None."""
    if os.geteuid() != 0:
        return "a lab node needs root (namespaces, mounts)"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    lacking = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if lacking:
        return f"{', '.join(lacking)} not found: run ./deploy/bootstrap tests"
    return None


def accelerator() -> str:
    """The domain type that works here: "kvm" where /dev/kvm opens, else "qemu" (TCG)."""
    try:
        device = os.open("/dev/kvm", os.O_RDWR)
    except OSError:
        return "qemu"
    try:
        return "kvm" if fcntl.ioctl(device, KVM_GET_API_VERSION) > 0 else "qemu"
    except OSError:
        return "qemu"
    finally:
        os.close(device)


def wait_for(condition: Callable[[], Any], what: str, deadline_s: float = 20.0) -> Any:
    """The condition's first true value; TimeoutError naming it at the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline_s:g} s: {what}")
        time.sleep(0.005)


def spawn_init(root: Path, name: str) -> "subprocess.Popen[bytes]":
    """Start a node's process 1 and wait until its file system stands; RuntimeError with its log."""
    with (root / "init.log").open("wb") as log:
        init = subprocess.Popen(
            [
                "unshare", "--mount", "--pid", "--net", "--uts", "--fork", "--kill-child",
                "--mount-proc", sys.executable, "-I", str(Path(__file__).with_name("init.py")),
                str(root), name, str(cache() / "qemu-capabilities"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
            start_new_session=True,  # an interrupt at the terminal is for the tests to handle
        )  # fmt: skip
    assert init.stdin
    assert init.stdout
    if init.stdout.readline() != b"ready\n":
        init.stdin.close()
        init.stdout.close()
        init.wait()
        message = (root / "init.log").read_text().strip()
        shutil.rmtree(root, ignore_errors=True)
        raise RuntimeError(f"the node's init failed: {message}")
    return init


class Node:
    """A host of its own. Use as a context manager, or call ``close``.

    ``root`` holds its files as seen from outside: ``root/"run"`` is the node's /run. ``uri`` and
    ``uri_readonly`` reach its libvirtd from outside its namespaces; inside, qemu:///system does.
    """

    def __init__(self, root: Path, init: "subprocess.Popen[bytes]", prefix: str) -> None:
        self.root = root
        self.prefix = prefix
        self.accelerator = accelerator()
        self._unshare = init
        self._libvirtd: Inside | None = None
        self._started: list[Inside] = []
        self.init_pid = child_of(init.pid)

    @classmethod
    def create(cls, *, start_libvirtd: bool = True) -> Self:
        """A new node, its libvirtd answering unless told otherwise; RuntimeError with the cause."""
        if reason := missing():
            raise RuntimeError(reason)
        prefix = f"lab{secrets.token_hex(3)}"
        root = Path(tempfile.mkdtemp(prefix=f"hostmon-{prefix}-"))
        root.chmod(0o755)  # unprivileged clients pass through it to the sockets
        for folder in PRIVATE:
            (root / folder).mkdir()
        (root / "etc/libvirtd.conf").write_text(LIBVIRTD_CONF)
        (root / "etc/qemu.conf").write_text(QEMU_CONF)
        (root / "run/libvirt").mkdir()
        node = cls(root, spawn_init(root, prefix), prefix)
        try:
            if start_libvirtd:
                node.start_libvirtd()
        except BaseException:
            node.close()
            raise
        return node

    @property
    def socket(self) -> Path:
        """The read-write socket's real path."""
        return self.root / "run/libvirt/libvirt-sock"

    @property
    def socket_readonly(self) -> Path:
        """The read-only socket's real path."""
        return self.root / "run/libvirt/libvirt-sock-ro"

    @property
    def uri(self) -> str:
        """For ``libvirt.open`` from outside the node."""
        return f"qemu+unix:///system?socket={self.socket}"

    @property
    def uri_readonly(self) -> str:
        """For ``libvirt.openReadOnly`` from outside the node."""
        return f"qemu+unix:///system?socket={self.socket_readonly}"

    def name(self, suffix: object) -> str:
        """A guest's name that no other node has."""
        return f"{self.prefix}-{suffix}"

    # Processes inside

    def environment(self) -> dict[str, str]:
        """What processes inside get: nothing that points at the machine's own run directory."""
        keep = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
        return {**keep, "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}

    def popen(self, *command: str, **options: Any) -> Inside:
        """A process inside; it is killed at the latest when the node closes."""
        options.setdefault("env", self.environment())
        process = Inside(enter(self.init_pid, list(command)), text=True, **options)
        self._started.append(process)
        return process

    def run(
        self, *command: str, check: bool = True, deadline_s: float = 60.0
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command inside to its end; RuntimeError with its output when it fails."""
        result = subprocess.run(
            enter(self.init_pid, list(command)),
            env=self.environment(), capture_output=True, text=True, timeout=deadline_s,
        )  # fmt: skip
        if check and result.returncode:
            raise RuntimeError(f"{command}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def virsh(self, *arguments: str, check: bool = True) -> str:
        """virsh's output, without the blank line it ends in."""
        return self.run("virsh", "-c", "qemu:///system", *arguments, check=check).stdout.strip()

    def outer_pid(self, inner: int) -> int:
        """A pid of the node's namespace as the machine numbers it; ProcessLookupError if none."""
        own = Path(f"/proc/{self.init_pid}/ns/pid").readlink()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if (entry / "ns/pid").readlink() != own:
                    continue
                match = re.search(r"(?m)^NSpid:.*\s(\d+)$", (entry / "status").read_text())
                if match and int(match[1]) == inner:
                    return int(entry.name)
        raise ProcessLookupError(f"no process {inner} in {self.prefix}")

    def qemu_pid(self, guest: str) -> int:
        """The outer pid of a running guest's QEMU."""
        return self.outer_pid(int((self.root / f"run/libvirt/qemu/{guest}.pid").read_text()))

    # libvirtd

    @property
    def libvirtd_pid(self) -> int:
        """The outer pid of libvirtd; AssertionError when it does not run."""
        assert self._libvirtd, "libvirtd was not started"
        return self._libvirtd.pid_inside

    def start_libvirtd(self, deadline_s: float = 30.0) -> None:
        """Start libvirtd and wait until it answers; RuntimeError with its log when it ends."""
        with (self.root / "libvirtd.log").open("ab") as log:
            self._libvirtd = self.popen("libvirtd", stdout=log, stderr=log)

        def answers() -> bool:
            assert self._libvirtd
            if self._libvirtd.poll() is not None:
                raise RuntimeError(f"libvirtd ended: {(self.root / 'libvirtd.log').read_text()}")
            if not self.socket.exists():
                return False
            return not self.run("virsh", "-c", "qemu:///system", "uri", check=False).returncode

        wait_for(answers, "libvirtd answers", deadline_s)

    def kill_libvirtd(self, sig: int = signal.SIGKILL) -> None:
        """End libvirtd by a signal and wait for its end; guests run on."""
        assert self._libvirtd, "libvirtd was not started"
        self._libvirtd.send_signal(sig)
        self._libvirtd.wait(30)
        self._libvirtd = None

    def libvirtd_died(self) -> bool:
        """Whether it ended by itself, and was not started again."""
        return self._libvirtd is not None and self._libvirtd.poll() is not None

    def restart_libvirtd(self, sig: int = signal.SIGKILL) -> None:
        """Kill it, start it, wait until it answers."""
        self.kill_libvirtd(sig)
        self.start_libvirtd()

    def freeze_libvirtd(self) -> None:
        """SIGSTOP: it keeps its sockets and answers nothing."""
        os.kill(self.libvirtd_pid, signal.SIGSTOP)

    def thaw_libvirtd(self) -> None:
        """SIGCONT; nsenter stopped with what it runs, and has to go on first."""
        assert self._libvirtd, "libvirtd was not started"
        os.kill(self._libvirtd.pid, signal.SIGCONT)
        os.kill(self.libvirtd_pid, signal.SIGCONT)

    def versions(self) -> dict[str, str]:
        """libvirt's and QEMU's versions as this node runs them."""
        text = self.virsh("version", "--daemon")
        found = dict(re.findall(r"(?m)^(Running hypervisor|Running against daemon): (.*)$", text))
        return {
            "libvirt": found.get("Running against daemon", ""),
            "qemu": found.get("Running hypervisor", "").removeprefix("QEMU "),
        }

    # The end

    def close(self) -> None:
        """Take everything away; RuntimeError naming what could not be. Again: does nothing."""
        if not self.root.exists():
            return
        assert self._unshare.stdin
        self._unshare.stdin.close()  # init takes everything away
        try:
            self._unshare.wait(30)
        except subprocess.TimeoutExpired:
            os.kill(self.init_pid, signal.SIGKILL)  # and with it the whole pid namespace
        processes: list[subprocess.Popen[Any]] = [self._unshare, *self._started]
        for process in processes:
            process.wait(30)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        left = cgroups.remove(self.prefix)
        shutil.rmtree(self.root, ignore_errors=True)
        left += [self.root] if self.root.exists() else []
        if left:
            raise RuntimeError(f"left behind: {json.dumps([str(p) for p in left])}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
