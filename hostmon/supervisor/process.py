"""A driver in a process of its own: started, watched, killed where it exceeds its limits."""

import contextlib
import logging
import os
import pwd
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from hostmon.supervisor.child import BEAT
from hostmon.supervisor.job import Job
from hostmon.supervisor.tally import Tally

log = logging.getLogger(__name__)

STOP_TIMEOUT = 1.5
# Set from outside, at once: the imports of drivers that start again and again give way too.
NICE = 10
LONGEST_REPORT = 65536
_PAGE = os.sysconf("SC_PAGE_SIZE")


class DriverProcess:
    """One life of one driver; :meth:`run` returns when it is over."""

    def __init__(
        self,
        job: Job,
        tally: Tally,
        stopping: Callable[[], bool],
        changed: Callable[[], None],
        proc: Path = Path("/proc"),
    ) -> None:
        self._job = job
        self._tally = tally
        self._stopping = stopping
        self._changed = changed
        self._proc = proc
        self._buffer = b""
        self._heard = 0.0
        self.pid = 0

    def run(self) -> None:
        """Until the process has ended or was killed; how and why stands in the tally."""
        user = self._job.options.user
        try:
            child = subprocess.Popen(
                [sys.executable, "-m", "hostmon.supervisor"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                process_group=0,
                user=user or None,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        except (OSError, KeyError, ValueError) as error:
            self._fail(f"its process can't be started as {user or 'our user'}: {error}", "settings")
            return
        self.pid = child.pid
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, child.pid, NICE)
        try:
            self._watch(child)
        finally:
            self._take_down(child)
            self.pid = 0

    def _watch(self, child: "subprocess.Popen[bytes]") -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        os.set_blocking(child.stdout.fileno(), False)
        self._heard = time.monotonic()
        try:
            child.stdin.write(msgspec.json.encode(self._job) + b"\n")
            child.stdin.flush()
        except OSError:
            pass  # it ended at once, which the code below tells
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while not self._stopping():
                if selector.select(BEAT) and not self._read(child.stdout.fileno()):
                    self._ended(child)
                    return
                if reason := self._beyond_limits(child.pid):
                    self._fail(reason, "limits")
                    return

    def _read(self, descriptor: int) -> bool:
        """Take the reports that have come; False at their end."""
        try:
            data = os.read(descriptor, LONGEST_REPORT)
        except BlockingIOError:
            return True
        if not data:
            return False
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > LONGEST_REPORT:
            self._buffer = b""  # noise: a report that never comes counts as silence
        for line in lines:
            try:
                report = msgspec.json.decode(line, type=Tally)
            except msgspec.MsgspecError:
                continue
            self._heard = time.monotonic()
            before = self._tally.state
            for field in Tally.__struct_fields__:
                setattr(self._tally, field, getattr(report, field))
            if self._tally.state != before:
                self._changed()
        return True

    def _beyond_limits(self, pid: int) -> str:
        """Which limit is exceeded, by how much; empty for none."""
        options = self._job.options
        silent = time.monotonic() - self._heard
        if self._tally.blocked_for() > options.block_limit:
            return f"one call took longer than block_limit = {options.block_limit:g} s; killed"
        # A process that starts imports for a while before it can report.
        if silent > max(options.block_limit, 8 * BEAT) + (0 if self._has_reported() else 10):
            return f"sent no heartbeat for {silent:.1f} s; killed"
        memory, files = usage(self._proc / str(pid))
        if memory > options.memory_limit_mib << 20:
            return f"used {memory >> 20} MiB, memory_limit_mib = {options.memory_limit_mib}; killed"
        if files > options.files_limit:
            return f"held {files} descriptors, files_limit = {options.files_limit}; killed"
        return ""

    def _has_reported(self) -> bool:
        return self._tally.state != "starting" or self._tally.busy_since != 0

    def _ended(self, child: "subprocess.Popen[bytes]") -> None:
        """The process closed its reports: it has ended, or makes itself deaf and dumb."""
        try:
            code = child.wait(1)
        except subprocess.TimeoutExpired:
            self._fail("closed its reports; killed", "contract")
            return
        if self._tally.state != "failed":
            how = f"signal {-code}" if code < 0 else f"code {code}"
            self._fail(f"its process ended with {how}", "contract")

    def _fail(self, detail: str, blame: str) -> None:
        self._tally.detail, self._tally.blame = detail, blame
        self._tally.state = "failed"
        self._changed()

    def _take_down(self, child: "subprocess.Popen[bytes]") -> None:
        """Ask it to end where it was told to stop; kill it and all it started in any case."""
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
        if self._stopping():
            try:
                child.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                log.warning("driver %s did not stop within %g s", self._job.name, STOP_TIMEOUT)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def usage(process: Path) -> tuple[int, int]:
    """Resident bytes and open descriptors; 0 for what can't be read."""
    try:
        memory = int((process / "statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError):
        memory = 0
    try:
        files = sum(1 for _ in (process / "fd").iterdir())
    except OSError:
        files = 0  # another user's: its own rlimit holds
    return memory, files
