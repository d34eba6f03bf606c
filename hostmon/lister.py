"""The lister: a thread that looks at networks and storage pools now and then.

On a connection of its own: a pool whose storage hangs hangs whoever asks it, and may do so for
days. Then only what is told here grows old, and says since when it is true.
"""

import logging
import time
from collections.abc import Callable

from hostmon.attendant import Attendant
from hostmon.hypervisor import Connection
from hostmon.images.volumes import Folders, folder_of
from hostmon.objects import OBJECTS_S, HostObjects, read_objects

log = logging.getLogger(__name__)


class Lister(Attendant):
    """Looks every OBJECTS_S seconds; ``listed`` is told each time that both could be listed.

    ``placed`` is told in which folders pools have their volumes.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        ready: Callable[[], bool] = lambda: True,
        listed: Callable[[], object] = lambda: None,
        placed: Callable[[Folders], object] = lambda _: None,
    ) -> None:
        super().__init__("lister", "networks and storage pools", connect, ready)
        self.objects = HostObjects()
        self._listed = listed
        self._placed = placed
        self._due = 0.0

    def worn(self, now: float) -> bool:
        """Whether a list could not be read, and it is time to try again.

        libvirt opens its own connection to the daemon of networks or of pools once a client and
        keeps it: once that daemon was started anew only another client's reaches it.
        """
        return self.objects.lists_unread and now >= self._due

    def turn(self, connection: Connection, now: float) -> None:
        """A look if one is due; raises HostmonError when the connection is of no use."""
        if now < self._due:
            return
        found = read_objects(connection, self.objects, self._found)
        self._due = time.monotonic() + OBJECTS_S
        if not found.lists_unread:
            self._listed()

    def _found(self, objects: HostObjects) -> None:
        """Keep it, and say once what could not be read."""
        told = self.objects.unread
        for what, why in objects.unread.items():
            if told.get(what) != why:
                log.warning("%s: can't be read (%s); tried every %g s", what, why, OBJECTS_S)
        self.objects = objects
        found = ((name, folder_of(pool.type, pool.path)) for name, pool in objects.pools.items())
        self._placed({name: folder for name, folder in found if folder is not None})
