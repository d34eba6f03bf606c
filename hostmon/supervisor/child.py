"""The process of one driver, run as ``python -m hostmon.supervisor``.

Reads its job from the first line of stdin, whose end means stop; writes its tally, a JSON object a
line, on the stdout it was given. What the driver prints goes to stderr.
"""

import ctypes
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Sequence

import msgspec

from hostmon import client, logs
from hostmon.errors import DriverError
from hostmon.status import AgentStatus, GuestStatus
from hostmon.supervisor.job import Job
from hostmon.supervisor.tally import Tally
from hostmon.supervisor.worker import work

BEAT = 0.25
_PR_SET_PDEATHSIG = 1


class RemoteView:
    """The agent's view through its request socket; see ``hostmon.driver.AgentView``."""

    def __init__(self, address: str) -> None:
        self._address = address

    def status(self) -> AgentStatus:
        """The agent's state now."""
        return client.status(self._address)

    def guests(self) -> tuple[GuestStatus, ...]:
        """Every guest, as of now."""
        return client.guests(self._address).guests

    def metrics(
        self,
        *,
        openmetrics: bool = False,
        compressed: bool = False,
        collect: Sequence[str] = (),
        profile: str = "",
    ) -> bytes:
        """Always raises DriverError: the page is rendered from the agent's memory."""
        raise DriverError(
            f"metrics({openmetrics=}, {compressed=}, {collect=}, {profile=}) in a process: "
            "declare needs_metrics to run in a thread"
        )

    def metric_pieces(
        self,
        *,
        openmetrics: bool = False,
        compressed: bool = False,
        collect: Sequence[str] = (),
        profile: str = "",
    ) -> tuple[bytes, ...]:
        """Always raises DriverError, as ``metrics`` does."""
        page = self.metrics(
            openmetrics=openmetrics, compressed=compressed, collect=collect, profile=profile
        )
        return (page,)


class Reports:
    """Sends the tally to the agent, at each change and at each beat."""

    def __init__(self, descriptor: int, tally: Tally) -> None:
        self._descriptor = descriptor
        self._tally = tally
        self._lock = threading.Lock()
        threading.Thread(target=self._beat, name="reports", daemon=True).start()

    def send(self) -> None:
        """One line; ends the process if the agent is gone."""
        with self._lock:
            try:
                os.write(self._descriptor, msgspec.json.encode(self._tally) + b"\n")
            except OSError:
                os._exit(1)

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(BEAT):
            self.send()


def main() -> None:
    """Run the driver until stdin ends."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the agent's is inherited
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    reports_to = os.dup(1)
    os.dup2(2, 1)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    limit(job.options.files_limit)
    logs.configure(job.log)
    stop = threading.Event()
    threading.Thread(target=wait_for_end, args=(stop,), name="end", daemon=True).start()
    tally = Tally()
    reports = Reports(reports_to, tally)
    work(job, RemoteView(job.requests_address), tally, stop, reports.send)
    reports.send()
    logging.shutdown()
    os._exit(0)  # whatever threads the driver has left behind


def limit(files: int) -> None:
    """Bound what a leak may take; memory and processor time are bounded by the agent."""
    most = 2 * files + 64  # the agent kills at half of it, and says why
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def wait_for_end(stop: threading.Event) -> None:
    """Set ``stop`` once the agent closes our stdin, or is gone."""
    while sys.stdin.buffer.read(1):
        pass
    stop.set()
