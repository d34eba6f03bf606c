"""An isolated host with libvirt's modular daemons in the place of libvirtd.

Owns the daemons' processes; all else is a lab node's. No release of Debian packages them, so
``tests/modular`` builds them from the source of the libvirt that is installed, whose library and
drivers they use, and names their folder in BUILT. virtlogd and virtlockd are the installed ones.
"""

import os
import signal
from pathlib import Path
from typing import Any

from tests.lab.inside import Inside
from tests.lab.node import QEMU_CONF, Node, wait_for

BUILT = "HOSTMON_MODULAR_DAEMONS"
"""Names the folder of those that were built."""

INSTALLED = ("virtlogd", "virtlockd")
HYPERVISOR = "virtqemud"
URIS = {
    **dict.fromkeys(INSTALLED, ""),  # no client of the library talks to these
    "virtnetworkd": "network:///system",
    "virtstoraged": "storage:///system",
    "virtnodedevd": "nodedev:///system",
    "virtnwfilterd": "nwfilter:///system",
    "virtsecretd": "secret:///system",
    "virtinterfaced": "interface:///system",
    HYPERVISOR: "qemu:///system",
}
"""Where each answers. The hypervisor's comes last, since it asks the others."""

DAEMONS = tuple(URIS)


def built() -> Path | None:
    """The folder of the daemons, None where there are none."""
    named = os.environ.get(BUILT)
    return Path(named) if named else None


class ModularNode(Node):
    """A node where ``libvirtd`` is virtqemud and its siblings; clients connect to each directly."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._daemons: dict[str, Inside] = {}

    @property
    def socket(self) -> Path:
        """virtqemud's read-write socket."""
        return self.root / f"run/libvirt/{HYPERVISOR}-sock"

    @property
    def socket_readonly(self) -> Path:
        """virtqemud's read-only socket."""
        return self.root / f"run/libvirt/{HYPERVISOR}-sock-ro"

    def start_libvirtd(self, deadline_s: float = 30.0) -> None:
        """Start every daemon that does not run, and wait until virtqemud answers."""
        (self.root / "etc/libvirt.conf").write_text('remote_mode = "direct"\n')
        logged = QEMU_CONF.replace('stdio_handler = "file"', 'stdio_handler = "logd"')
        (self.root / "etc/qemu.conf").write_text(logged)
        for name in DAEMONS:
            if name not in self._daemons:
                self.start_daemon(name, deadline_s)

    def start_daemon(self, name: str, deadline_s: float = 30.0) -> None:
        """Start one and wait until it answers; RuntimeError with its log when it ends."""
        folder = built()
        assert folder is not None, f"{BUILT} names no folder: run ./tests/modular"
        command = [name]
        if name not in INSTALLED:
            command = [str(folder / name), "--config", "/etc/libvirt/libvirtd.conf"]
        log = self.root / f"{name}.log"
        with log.open("ab") as out:
            self._daemons[name] = process = self.popen(*command, stdout=out, stderr=out)
        if name == HYPERVISOR:
            self._libvirtd = process
        socket = self.root / f"run/libvirt/{name}-sock"

        def answers() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended: {log.read_text()}")
            if not socket.exists():
                return False
            uri = URIS[name]
            return not uri or not self.run("virsh", "-c", uri, "uri", check=False).returncode

        wait_for(answers, f"{name} answers", deadline_s)

    def kill_daemon(self, name: str, sig: int = signal.SIGKILL) -> None:
        """End one by a signal and wait for its end; guests and the other daemons run on."""
        process = self._daemons.pop(name)
        process.send_signal(sig)
        process.wait(30)
        (self.root / f"run/libvirt/{name}-sock").unlink(missing_ok=True)

    def kill_libvirtd(self, sig: int = signal.SIGKILL) -> None:
        """End virtqemud alone."""
        self.kill_daemon(HYPERVISOR, sig)
