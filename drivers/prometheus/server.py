"""The HTTP server: uvicorn in a thread of its own, which wakes when something comes."""

import asyncio
import contextlib
import socket
import threading

import uvicorn
from starlette.applications import Starlette

from hostmon_drivers.prometheus.protocol import MOST_CONNECTIONS, ScrapeProtocol
from hostmon_drivers.prometheus.scrapes import Scrapes

IDLE = 5
GRACE = 1
ACCEPTED_AT_ONCE = 64  # asyncio takes as many as its backlog before anybody may look at them
# Those that wait in the kernel meanwhile: whoever finds no room there tries again after a second.
QUEUE = 4096


class WaitingServer(uvicorn.Server):
    """Takes few connections at once, and lets many wait; waits itself to be told to end.

    uvicorn looks ten times a second whether it is, for 1.3 ms of CPU.
    """

    _told: asyncio.Event | None = None
    _loop: asyncio.AbstractEventLoop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then lengthen the queue that asyncio has made as short as what it takes."""
        await super().startup(sockets)
        for one in sockets or ():
            one.listen(QUEUE)

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
        protocol = type("ServersProtocol", (ScrapeProtocol,), {"waiting": {}, "scrapes": scrapes})
        config = uvicorn.Config(
            app,
            http=protocol,
            backlog=ACCEPTED_AT_ONCE,
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
        self._server = WaitingServer(config)
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
