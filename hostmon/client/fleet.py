"""FleetView: many hosts in one client."""

import time
from collections.abc import Callable, Iterable
from typing import Self

import zmq

from hostmon.client.endpoint import Endpoint
from hostmon.client.filter import Filter
from hostmon.client.repair import Repair
from hostmon.client.subscriber import Subscriber, check_view
from hostmon.client.view import HostView
from hostmon.events import Event

# Seconds of taking after which an update returns, though a host may tell more and more.
WORK_S = 0.1


class FleetView:
    """The live views of many agents; :meth:`update` keeps them current.

    Without ``context`` it makes one of its own, with room for sockets to all of them.
    ``on_repair`` is told what was missed of which host, and how it was made good.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
        on_repair: Callable[[Repair], None] | None = None,
    ) -> None:
        listed = list(endpoints)
        check_view(listed, Filter())
        self._owns = context is None
        self.context = roomy(len(listed)) if context is None else context
        self.subscriber = Subscriber(listed, view=True, context=self.context, on_repair=on_repair)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave every bus."""
        self.subscriber.close()
        if self._owns:
            self.context.term()

    @property
    def hosts(self) -> dict[str, HostView]:
        """The hosts that were joined, by the name their agents give; it is theirs to differ."""
        return {view.host: view for view in self.subscriber.views if view.joined}

    @property
    def joined(self) -> bool:
        """Whether every endpoint has been joined."""
        return all(view.joined for view in self.subscriber.views)

    def update(self, timeout: float = 0.0) -> list[Event]:
        """Take what has come, waiting ``timeout`` seconds for it; the events that were applied.

        Returns after about WORK_S seconds of taking, whatever is left: it is taken next time.
        """
        found: list[Event] = []
        event = self.subscriber.receive(timeout)
        end = time.monotonic() + WORK_S
        while event is not None:
            found.append(event)
            event = self.subscriber.receive(0.0) if time.monotonic() < end else None
        return found


def roomy(hosts: int) -> zmq.Context[zmq.Socket[bytes]]:
    """A context for so many hosts: libzmq's own limit of 1,023 sockets is reached at 500."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 1023 + 4 * hosts)
    return context
