"""What an exporter costs a host over minutes: its own CPU, libvirtd's, and QEMU's for libvirtd.

What QEMU does for its guest's disks takes it many times what the monitor does, and never the same.
But QEMU answers its monitor for libvirtd alone. So all are looked at every STEP_S: of QEMU that
counts which it used while libvirtd ran, and in the step after it, less what it used in as much time
while libvirtd stood still, in the same minutes.
"""

import os
import re
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

STEP_S = 0.05
OTHER = "exporter"
PARTS = ("libvirtd", "qemu", OTHER)
"""What CPU time is told apart by: the beginnings of names, and the rest of what is watched."""
WATCHED = ("libvirtd", "qemu-system-", "hostmon", "python", "prometheus-libv")
"""The beginnings of processes' names, of which the kernel keeps fifteen characters."""
CPU_THREAD = re.compile(r"CPU \d+/")


def watched(but: int) -> Iterator[tuple[str, Path]]:
    """Every watched process but one, with the part that it is of."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "comm").read_text()
        except OSError:
            continue
        if process.name != str(but) and name.startswith(WATCHED):
            yield next((part for part in PARTS if name.startswith(part)), OTHER), process


class Whole:
    """The CPU time of one process, threads that have ended included (clock_getcpuclockid(3))."""

    def __init__(self, process: Path) -> None:
        self._clock = ~int(process.name) << 3 | 2
        self._last = 0
        self.used_ns()

    def used_ns(self) -> int:
        """So far, or when it was last looked at if it has ended."""
        with suppress(OSError):
            self._last = time.clock_gettime_ns(self._clock)
        return self._last


class Emulator:
    """The CPU time of a QEMU's threads that there are; those that come serve its guest's disks.

    Its vCPUs are the guest's own.
    """

    def __init__(self, process: Path) -> None:
        self._open: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._ended_ns = 0
        for task in process.glob("task/*"):
            with suppress(OSError):  # it has ended
                if not CPU_THREAD.match((task / "comm").read_text()):
                    self._open[task.name] = os.open(task / "schedstat", os.O_RDONLY)

    def used_ns(self) -> int:
        """So far."""
        for name, file in list(self._open.items()):
            try:
                self._last[name] = int(os.pread(file, 100, 0).split()[0])
            except (OSError, IndexError):
                self._ended_ns += self._last.pop(name, 0)
                os.close(self._open.pop(name))
        return self._ended_ns + sum(self._last.values())

    def close(self) -> None:
        """Look no more."""
        for file in self._open.values():
            os.close(file)
        self._open.clear()


class Spending:
    """Of all watched processes that there are now; :meth:`look` at least every STEP_S seconds."""

    def __init__(self, but: int) -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._emulators: list[Emulator] = []
        self._whole: dict[str, list[Whole]] = {"libvirtd": [], OTHER: []}
        for part, process in watched(but):
            if part == "qemu":
                self._emulators.append(Emulator(process))
            else:
                self._whole[part].append(Whole(process))
        self._began = self._before = self._used()
        self._busy = self._idle = (0.0, 0.0)  # seconds, and QEMU's CPU seconds in them
        self._after = False

    def _used(self) -> dict[str, float]:
        """CPU seconds by part."""
        counted: dict[str, Sequence[Emulator | Whole]] = {"qemu": self._emulators, **self._whole}
        return {part: sum(one.used_ns() for one in counted[part]) / 1e9 for part in PARTS}

    def look(self, seconds: float) -> None:
        """So many seconds have passed since the last look."""
        now, before = self._used(), self._before
        ran = now["libvirtd"] != before["libvirtd"]
        used = now["qemu"] - before["qemu"]
        if ran or self._after:
            self._busy = self._busy[0] + seconds, self._busy[1] + used
        else:
            self._idle = self._idle[0] + seconds, self._idle[1] + used
        self._before, self._after = now, ran

    def spent(self) -> dict[str, float]:
        """CPU seconds by part, as of the last look."""
        found = {part: self._before[part] - self._began[part] for part in PARTS}
        rate = self._idle[1] / self._idle[0] if self._idle[0] else 0.0
        return found | {"qemu": self._busy[1] - rate * self._busy[0]}

    def close(self) -> None:
        """Look no more."""
        for one in self._emulators:
            one.close()
