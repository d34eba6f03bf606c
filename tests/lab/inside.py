"""A process inside a node's namespaces, started from outside.

nsenter stays outside and waits; the process itself dies with it (PR_SET_PDEATHSIG), and signals
go to the process, never to nsenter.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

DEADLINE_S = 20.0


def processes() -> Iterator[tuple[int, int]]:
    """Every process as (pid, parent's pid), as this namespace numbers them."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text(errors="replace")
        except OSError:
            continue  # ended meanwhile
        yield int(entry.name), int(text.rpartition(")")[2].split()[1])


def child_of(pid: int) -> int:
    """A process's first child, once it has one; ProcessLookupError when it never does."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        for child, parent in processes():
            if parent == pid:
                return child
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.002)
    raise ProcessLookupError(f"process {pid} has no child")


def enter(init: int, command: list[str]) -> list[str]:
    """The command line that runs a command in the namespaces of a node's init."""
    return [
        "nsenter", f"--target={init}", "--mount", "--pid", "--net", "--uts", "--wd=/",
        "setpriv", "--pdeathsig=KILL", "--", *command,
    ]  # fmt: skip


class Inside(subprocess.Popen[str]):
    """Popen of nsenter whose ``pid_inside`` and signals are those of the process it runs."""

    _target: int | None = None

    @property
    def pid_inside(self) -> int:
        """The process's pid as this namespace, outside the node, numbers it."""
        if self._target is None:
            self._target = child_of(self.pid)
        return self._target

    def send_signal(self, sig: int) -> None:
        """Send a signal to the process itself; nothing once it has ended."""
        if self.poll() is None:
            os.kill(self.pid_inside, sig)

    def terminate(self) -> None:
        """SIGTERM to the process itself."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the process itself."""
        self.send_signal(signal.SIGKILL)
