"""Which guests need not be asked for their job, and which libvirtd changed: by their states' files.

libvirtd writes the state of a guest when a job begins that others may follow (a migration, a dump,
a save, a backup) and when it ends, a block job too, and for most of what it changes of devices: the
folder of the running guests' states changes with it.
"""

import os
from collections.abc import Callable
from pathlib import Path

from hostmon._stats import Stats
from hostmon_drivers.virt_libvirt.marks import RUN, Stamp, folders_stamp, state_stamp


class Jobs:
    """What is known of guests' jobs over one connection; ``name`` tells a guest's name by its uuid.

    A guest without a state in ``run`` is perhaps another libvirtd's: it is asked each time.
    ``written`` are the stamps of the states, by uuid, for all connections.
    """

    def __init__(
        self,
        name: Callable[[bytes], bytes | None],
        run: Path = RUN,
        written: dict[bytes, str] | None = None,
    ) -> None:
        self._name = name
        self._run = run
        self._written = {} if written is None else written
        self._seen: Stamp | None = None
        self._jobless: set[bytes] = set()

    def read(self, stats: Stats, uuids: list[bytes]) -> int:
        """Every guest's job, into the table; how many have one. Stirs those whose state changed."""
        seen = folders_stamp((self._run,))  # before anybody is asked: what begins now changes it
        if seen is None or seen != self._seen:
            self._jobless.clear()
            self._forget_gone()
        self._seen = seen
        stats.jobless([uuid for uuid in uuids if uuid in self._jobless])
        having = 0
        for uuid in uuids:
            if uuid in self._jobless:
                continue
            written = self._state_of(uuid)
            if written and self._written.setdefault(uuid, written) != written:
                stats.stir([uuid])
                self._written[uuid] = written
            found = stats.job(uuid)
            having += found is True
            if found is False and seen is not None and written:
                self._jobless.add(uuid)
        return having

    def _state_of(self, uuid: bytes) -> str:
        name = self._name(uuid)
        return "" if name is None else state_stamp(os.fsdecode(name), self._run)

    def _forget_gone(self) -> None:
        for uuid in list(self._written):
            if self._name(uuid) is None:
                self._written.pop(uuid, None)
