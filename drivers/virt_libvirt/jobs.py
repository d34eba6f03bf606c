"""Which guests need not be asked for their job: libvirtd has begun none since they had none.

libvirtd writes the state of a guest when a job begins that others may follow (a migration, a dump,
a save, a backup) and when it ends: the folder of the running guests' states changes with it.
"""

import os
from collections.abc import Callable
from pathlib import Path

from hostmon._stats import Stats
from hostmon_drivers.virt_libvirt.marks import RUN, Stamp, folders_stamp, has_state


class Jobs:
    """What is known of guests' jobs over one connection; ``name`` tells a guest's name by its uuid.

    A guest without a state in ``run`` is perhaps another libvirtd's: it is asked each time.
    """

    def __init__(self, name: Callable[[bytes], bytes | None], run: Path = RUN) -> None:
        self._name = name
        self._run = run
        self._seen: Stamp | None = None
        self._jobless: set[bytes] = set()

    def read(self, stats: Stats, uuids: list[bytes]) -> int:
        """Every guest's job, into the table; how many have one."""
        seen = folders_stamp((self._run,))  # before anybody is asked: what begins now changes it
        if seen is None or seen != self._seen:
            self._jobless.clear()
        self._seen = seen
        stats.jobless([uuid for uuid in uuids if uuid in self._jobless])
        having = 0
        for uuid in uuids:
            if uuid in self._jobless:
                continue
            found = stats.job(uuid)
            having += found is True
            if found is False and seen is not None and self._is_here(uuid):
                self._jobless.add(uuid)
        return having

    def _is_here(self, uuid: bytes) -> bool:
        name = self._name(uuid)
        return name is not None and has_state(os.fsdecode(name), self._run)
