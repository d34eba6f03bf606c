"""What an agent's process holds before a fault and after it, and that it answers all the while.

Owns the reading of one process's memory, descriptors and threads, and a thread that scrapes
``/metrics`` over and over: an answer that takes longer than a second fails the test.
"""

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tests.agent_process import wait_for
from tests.fault.figures import Value

MIB = 1 << 20
ANSWER_S = 1.0  # what a scrape may take, whatever happens to the agent
PAUSE_S = 0.05
STILL_S = 0.3  # a process that has not grown for so long has come to rest
STILL_BYTES = 128 << 10
RETURN_S = 30.0  # how soon after a fault the baseline must be reached again


class Footprint(msgspec.Struct, frozen=True):
    """What a process holds: resident bytes, open descriptors, threads.

    Pages of files are left out: the kernel takes them and gives them back as it likes.
    """

    resident: int
    descriptors: int
    threads: int


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """By how much a footprint may exceed its baseline: a call under way, an allocator's leftovers.

    A flood that waited for a subscriber leaves 4 MiB of heap between what is in use; code that was
    given back at the start comes back with its first use. Neither grows with a second flood.
    """

    resident: int = 8 * MIB
    descriptors: int = 3
    threads: int = 2


def footprint(pid: int) -> Footprint:
    """As of now."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident, threads = (
        int(re.search(rf"(?m)^{key}:\s+(\d+)", status)[1])  # type: ignore[index]
        for key in ("RssAnon", "Threads")
    )
    return Footprint(resident << 10, len(list(Path(f"/proc/{pid}/fd").iterdir())), threads)


def rested(pid: int, deadline: float = 20) -> Footprint:
    """The footprint once it stands still."""
    seen = [footprint(pid)]

    def still() -> bool:
        time.sleep(STILL_S)
        seen.append(footprint(pid))
        return abs(seen[-1].resident - seen[-2].resident) <= STILL_BYTES

    wait_for(still, deadline)
    return seen[-1]


class Scraper:
    """Scrapes a port of this machine until stopped; ``answers`` are the seconds each one took."""

    def __init__(self, port: int) -> None:
        self.answers: list[float] = []
        self.failures: list[str] = []
        self._port = port
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scraper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with the scrape that is under way."""
        self._stop.set()
        self._thread.join()

    @contextmanager
    def excused(self) -> Iterator[None]:
        """Nobody can answer meanwhile: the agent is stopped or dead. Scrapes go on after it."""
        with self._turn:
            yield

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            with self._turn:
                self._scrape()

    def _scrape(self) -> None:
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10 * ANSWER_S)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            if answer.status != 200 or b"hostmon_" not in answer.read():
                self.failures.append(f"status {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
        finally:
            connection.close()
            self.answers.append(time.monotonic() - began)


class Baseline:
    """Around a fault: ``with Baseline(pid, port) as baseline: inject()``.

    At the end the process must be back within its allowance, ``within`` seconds after the fault at
    the latest, and every scrape answered within a second.
    """

    def __init__(
        self,
        pid: int,
        port: int,
        allowance: Allowance | None = None,
        *,
        within: float = RETURN_S,
    ) -> None:
        self.pid = pid
        self.scraper = Scraper(port)
        self.most = 0  # resident bytes, as of the last look
        self._allowance = allowance or Allowance()
        self._within = within
        self.before = self.after = Footprint(0, 0, 0)

    def __enter__(self) -> Self:
        self.scraper.start()
        wait_for(lambda: self.scraper.answers)  # what a first scrape needs is no growth
        self.before = self.after = rested(self.pid)
        self.most = self.before.resident
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._wait_for_return()
        finally:
            self.scraper.stop()
        if error is None:
            self._check_answers()

    def look(self) -> Footprint:
        """The footprint now; ``most`` keeps the largest that was seen."""
        now = footprint(self.pid)
        self.most = max(self.most, now.resident)
        return now

    def figures(self) -> dict[str, Value]:
        """What was measured, for tests/fault/figures.py."""
        return {
            "memory_before_mib": round(self.before.resident / MIB, 1),
            "memory_most_mib": round(self.most / MIB, 1),
            "memory_after_mib": round(self.after.resident / MIB, 1),
            "fds_before": self.before.descriptors,
            "fds_after": self.after.descriptors,
            "threads_before": self.before.threads,
            "threads_after": self.after.threads,
            "scrapes": len(self.scraper.answers),
            "slowest_scrape_s": round(max(self.scraper.answers), 3),
        }

    def _wait_for_return(self) -> None:
        end = time.monotonic() + self._within
        while beyond := exceeded(self.before, self.look(), self._allowance):
            assert time.monotonic() < end, f"{self._within:g} s after the fault: {beyond}"
            time.sleep(PAUSE_S)
        self.after = self.look()

    def _check_answers(self) -> None:
        scraper = self.scraper
        assert not scraper.failures, f"/metrics failed: {scraper.failures[:3]}"
        slowest = max(scraper.answers)
        assert slowest < ANSWER_S, f"/metrics took {slowest:.2f} s; {ANSWER_S:g} s are allowed"


def exceeded(before: Footprint, after: Footprint, allowance: Allowance) -> str:
    """Which figures are beyond their allowance, by name; empty for none."""
    return ", ".join(
        f"{name} {getattr(before, name)} -> {getattr(after, name)}"
        for name in Footprint.__struct_fields__
        if getattr(after, name) > getattr(before, name) + getattr(allowance, name)
    )
