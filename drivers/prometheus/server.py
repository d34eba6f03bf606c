"""The HTTP server: uvicorn in a thread of its own, which wakes when something comes."""

import asyncio
import contextlib
import socket
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette

from hostmon_drivers.prometheus.anteroom import Anteroom
from hostmon_drivers.prometheus.protocol import MOST_CONNECTIONS, DeadlineProtocol
from hostmon_drivers.prometheus.scrapes import Scrapes
from hostmon_drivers.prometheus.untaken import Untaken

IDLE = 5
GRACE = 1
# Those that wait in the kernel to be taken: whoever finds no room there tries again after a second.
QUEUE = 4096


class WaitingServer(uvicorn.Server):
    """Takes connections that have said something, by way of the anteroom; waits to be told to end.

    uvicorn looks ten times a second whether it is, for 1.3 ms of CPU.
    """

    _told: asyncio.Event | None = None
    _loop: asyncio.AbstractEventLoop
    _anterooms: tuple[Anteroom, ...] = ()

    def __init__(self, config: uvicorn.Config, scrapes: Scrapes, untaken: Untaken) -> None:
        super().__init__(config)
        self._scrapes = scrapes
        self._untaken = untaken

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin without a socket of uvicorn's own: it takes each connection, silent or not."""
        await super().startup([])
        self._anterooms = tuple(
            Anteroom(one, self._protocol, self._scrapes, self._untaken) for one in sockets or ()
        )

    def _protocol(self) -> asyncio.Protocol:
        """One connection's protocol, as uvicorn's own startup makes it."""
        make: Any = self.config.http_protocol_class
        protocol: DeadlineProtocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and let those there are end; within GRACE, or at once then."""
        # First whoever is entering: uvicorn tells those that are there, once.
        await asyncio.gather(*(anteroom.close() for anteroom in self._anterooms))
        served = (anteroom.emptied(GRACE) for anteroom in self._anterooms)
        await asyncio.gather(*served, super().shutdown(sockets))
        for left in self.server_state.connections:
            left.transport.abort()
        await asyncio.sleep(0)  # until they have ended

    async def main_loop(self) -> None:
        """Until :meth:`end`."""
        self._loop = asyncio.get_running_loop()
        told = self._told = asyncio.Event()
        if not self.should_exit:
            await told.wait()

    def end(self) -> None:
        """Serve no more; from any thread."""
        self.should_exit = True
        if self._told is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._told.set)


class Server:
    """Serves ``app``, and ``scrapes`` on a shorter way, on an already bound socket."""

    def __init__(self, app: Starlette, scrapes: Scrapes, bound: socket.socket) -> None:
        self._socket = bound
        self._scrapes = scrapes
        untaken = Untaken()
        own = {"waiting": {}, "untaken": untaken}
        protocol = type("ServersProtocol", (DeadlineProtocol,), own)
        config = uvicorn.Config(
            app,
            http=protocol,
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=GRACE,
            limit_concurrency=MOST_CONNECTIONS + 1,
        )
        self._server = WaitingServer(config, scrapes, untaken)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def address(self) -> str:
        """The URL it answers on."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def start(self) -> None:
        """Listen from now on; requests that come before the thread runs wait in the backlog."""
        self._socket.listen(QUEUE)
        self._thread.start()

    def stop(self) -> None:
        """Stop; requests under way have GRACE seconds."""
        self._server.end()
        self._thread.join(GRACE + 0.5)
        self._scrapes.stop()
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])
