"""Guests whose process the kernel does not let go on: no monitor of theirs answers anybody.

Owns what /proc/PID/status says of that. Whoever is stopped, or waits for storage, can be told by it
without a call to libvirt, which would hang as long.
"""

import time
from collections.abc import Callable, Iterable

from hostmon._table import GuestTable
from hostmon.machine.files import HERE, Roots, read_text

STOPPED = {"T", "t"}
"""Stopped by a signal, or by whoever traces it (proc(5))."""
ASLEEP = "D"
"""Waiting for a device, which others do as well, for a moment."""
MOMENT_S = 0.5
"""Whoever did not go on for so long does not wait for a moment."""

Fields = dict[str, str]


class Held:
    """Looks at the processes that the table names; guests of other machines have none."""

    def __init__(
        self,
        table: GuestTable,
        *,
        roots: Roots = HERE,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._table = table
        self._proc = roots.proc
        self._sleep = sleep

    def __call__(self, among: Iterable[bytes] | None = None) -> set[bytes]:
        """Which of these guests are held, of all by default; takes MOMENT_S if one is asleep."""
        seen = {uuid: (pid, self._status(pid)) for uuid, pid in self._processes(among)}
        stopped = {uuid for uuid, (_, now) in seen.items() if now.get("State") in STOPPED}
        asleep = {uuid: one for uuid, one in seen.items() if one[1].get("State") == ASLEEP}
        if asleep:
            self._sleep(MOMENT_S)
        return stopped | {uuid for uuid, (pid, was) in asleep.items() if self._status(pid) == was}

    def _processes(self, among: Iterable[bytes] | None) -> Iterable[tuple[bytes, int]]:
        taken = self._table.snapshot()
        for uuid in taken.uuids if among is None else set(among) & set(taken.uuids):
            guest = taken.guest(uuid)
            if guest.id >= 0 and guest.process.pid:
                yield uuid, guest.process.pid

    def _status(self, pid: int) -> Fields:
        """Of the main thread: its state, and how often it went to sleep."""
        lines = (read_text(self._proc / str(pid) / "status") or "").splitlines()
        fields = dict(line.partition(":\t")[::2] for line in lines)
        return {
            "State": fields.get("State", "")[:1],
            "switches": fields.get("voluntary_ctxt_switches", ""),
        }
