"""Which guests need not be asked for their job: libvirtd has begun none since they had none.

libvirtd writes the state of a guest when a job begins that others may follow (a migration, a dump,
a save, a backup) and when it ends: the folder of the running guests' states changes with it.
"""

from collections.abc import Callable

from hostmon._stats import Stats
from hostmon_drivers.virt_libvirt.marks import Stamp


class Jobs:
    """What is known of guests' jobs over one connection; ``stamp`` is that of libvirtd's folders.

    It is None where it tells nothing, as of the folders of another libvirtd.
    """

    def __init__(self, stamp: Callable[[], Stamp | None]) -> None:
        self._stamp = stamp
        self._seen: Stamp | None = None
        self._jobless: set[bytes] = set()

    def read(self, stats: Stats, uuids: list[bytes]) -> int:
        """Every guest's job, into the table; how many have one."""
        seen = self._stamp()  # before anybody is asked: what begins from now on changes it
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
            if found is False and seen is not None:
                self._jobless.add(uuid)
        return having
