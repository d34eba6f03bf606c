"""The driver itself: its settings, its life, its counts of events."""

import socket
from typing import ClassVar

import msgspec

from hostmon.driver import Capabilities, Driver, DriverContext
from hostmon.errors import AddressInUseError, DriverError
from hostmon.events import Event
from hostmon_drivers.prometheus.pages import application
from hostmon_drivers.prometheus.scrapes import Scrapes
from hostmon_drivers.prometheus.server import Server


class PrometheusSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``listen`` is HOST:PORT; loopback unless configured."""

    listen: str = "127.0.0.1:9177"

    def __post_init__(self) -> None:
        host, separator, port = self.listen.rpartition(":")
        if not (separator and host and port.isdigit() and int(port) <= 65535):
            raise ValueError(f"listen = {self.listen!r}: write HOST:PORT, such as 127.0.0.1:9177")

    @property
    def host(self) -> str:
        """The address to bind, without the brackets of an IPv6 one."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to bind; 0 takes a free one."""
        return int(self.listen.rpartition(":")[2])


def listening(host: str, port: int) -> socket.socket:
    """A bound socket; raises AddressInUseError or DriverError before anything else starts."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise DriverError(f"listen {host}:{port}: {error.strerror}; give another") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        text = f"listen {host}:{port}: {error.strerror}; stop the other process or set another"
        raise AddressInUseError(text) from None
    return bound


class PrometheusDriver(Driver):
    """Serves /metrics to Prometheus, /healthz and /readyz to supervisors, / to people."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = PrometheusSettings
    # What is scraped is read from the agent's memory.
    capabilities = Capabilities(needs_events=False, needs_metrics=True)

    def __init__(self) -> None:
        self._server: Server | None = None

    def start(self, context: DriverContext) -> None:
        """Bind, then serve from a thread of its own."""
        settings: PrometheusSettings = context.settings
        bound = listening(settings.host, settings.port)
        scrapes = Scrapes(context.view)
        self._server = Server(application(context.view, scrapes), scrapes, bound)
        self._server.start()

    def handle(self, event: Event) -> None:
        """Nothing to do."""

    def stop(self) -> None:
        """Stop serving; a scrape under way has 1 s to end."""
        if self._server is not None:
            self._server.stop()

    def addresses(self) -> tuple[str, ...]:
        """The page a person opens first."""
        return (self._server.address,) if self._server is not None else ()
