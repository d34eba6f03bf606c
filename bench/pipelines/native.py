"""hostmon's own pipeline, without HTTP: ``python -m bench.pipelines.native ADDRESS``."""

import sys
import time

from bench.pipelines.process import URI, serve
from hostmon import kinds
from hostmon._dispatcher import Dispatcher
from hostmon._pipe import EventPipe, record
from hostmon._table import GuestTable
from hostmon.dispatcher import DispatcherThread
from hostmon.keeper import Keeper
from hostmon.publisher import zmq_library
from hostmon.settings import BusSettings, ConnectionSettings


class Native:
    """The agent's parts from libvirt to the bus, wired as the agent wires them."""

    def __init__(self, address: str) -> None:
        self._pipe = EventPipe()
        dispatcher = Dispatcher(self._pipe, GuestTable(), time.time_ns(), "host", zmq_library())
        self._thread = DispatcherThread(dispatcher, BusSettings(events=(address,)))
        self._thread.start()
        self._keeper = Keeper(URI, ConnectionSettings(), self._pipe, dispatcher)
        self._keeper.start()

    def inject(self, count: int) -> None:
        """Put records into the pipe as the C callback would."""
        one = record(
            kinds.NUMBERS["lifecycle"], uuid=bytes(range(16)), name=b"test", event=3, detail=0, id=1
        )
        self._pipe.put_repeatedly(one, count)


if __name__ == "__main__":
    serve(Native(sys.argv[1]))
