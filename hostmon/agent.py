"""The agent: every part of one host's monitoring, wired; no logic of its own."""

import logging
import os
import time
from contextlib import ExitStack

import hostmon
from hostmon import kinds
from hostmon._dispatcher import Dispatcher
from hostmon._pipe import EventPipe
from hostmon._table import GuestTable
from hostmon.demo import Demo
from hostmon.dispatcher import DispatcherThread
from hostmon.guests import guest_statuses
from hostmon.keeper import Keeper
from hostmon.publisher import zmq_library
from hostmon.requests import RequestServer
from hostmon.settings import DEMO_URI, Settings
from hostmon.status import AgentStatus, ClassStatus, GuestStatus, KindCount
from hostmon.supervisor import Supervisor

log = logging.getLogger(__name__)


class Agent:
    """One host's agent; ``demo`` monitors libvirt's test driver and makes its guests live."""

    def __init__(self, settings: Settings, *, demo: bool = False) -> None:
        self._settings = settings
        self._started = time.monotonic()
        self.uri = DEMO_URI if demo else settings.agent.uri
        self._demo = Demo() if demo else None
        self._pipe = EventPipe()
        self._table = GuestTable()
        self._dispatcher = Dispatcher(
            self._pipe,
            self._table,
            time.time_ns(),
            settings.agent.host_name,
            zmq_library(),
            int(settings.bus.heartbeat * 1e9),
        )
        self._dispatching = DispatcherThread(self._dispatcher, settings.bus)
        self._started_parts = ExitStack()
        self._requests = RequestServer(settings.bus.requests_address, self)
        self._keeper = Keeper(self.uri, settings.connection, self._pipe, self._dispatcher)
        self._supervisor = Supervisor(settings, settings.agent.host_name, self)

    def start(self) -> None:
        """Start every part; raises the error of the first that can't, having stopped the others."""
        with ExitStack() as started:
            for part in (self._dispatching, self._requests, self._supervisor, self._demo):
                if part is not None:
                    started.callback(part.stop)
                    part.start()
            started.callback(self._keeper.stop)
            self._keeper.start()
            self._started_parts = started.pop_all()

    def stop(self) -> None:
        """Stop every part, the last started first; within 2 s."""
        self._started_parts.close()

    def guests(self) -> tuple[GuestStatus, ...]:
        """Every guest, as of now."""
        return guest_statuses(self._table.snapshot())

    def web_addresses(self) -> tuple[str, ...]:
        """Addresses a person can open."""
        return self._supervisor.web_addresses()

    def status(self) -> AgentStatus:
        """The agent's state now."""
        guests = self.guests()
        dispatcher, keeper = self._dispatcher, self._keeper
        return AgentStatus(
            version=hostmon.__version__,
            host=self._settings.agent.host_name,
            uri=self.uri,
            epoch=dispatcher.epoch,
            pid=os.getpid(),
            uptime=time.monotonic() - self._started,
            connection=kinds.CONNECTION_STATES[keeper.connected],
            connection_reason=keeper.reason,
            connections=keeper.connections,
            libvirt_version=keeper.libvirt_version,
            guests=len(guests),
            running=sum(guest.state == "running" for guest in guests),
            classes=tuple(
                ClassStatus(name=n, sequence=s) for n, s in dispatcher.sequence_of.items()
            ),
            kinds=tuple(KindCount(kind=k, count=c) for k, c in dispatcher.count_of.items()),
            lost_records=dispatcher.lost_records,
            drivers=self._supervisor.status(),
            events_addresses=self._settings.bus.events_addresses,
            web_addresses=self.web_addresses(),
        )
