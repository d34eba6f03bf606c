"""Where one agent is reached, and with which keys."""

import msgspec
import zmq

from hostmon.errors import ArgumentError
from hostmon.keys import Pair
from hostmon.settings import check_address


class ClientKeys(msgspec.Struct, frozen=True):
    """A client's own pair, and the public key of the agent it means to talk to (Z85)."""

    own: Pair
    agent: str

    def apply(self, socket: "zmq.Socket[bytes]") -> None:
        """Have a socket encrypt what it connects to from now on."""
        socket.curve_serverkey = self.agent.encode()
        socket.curve_publickey = self.own.public.encode()
        socket.curve_secretkey = self.own.secret.encode()


class Endpoint(msgspec.Struct, frozen=True):
    """An agent's two sockets; without ``requests`` gaps are told but not repaired.

    ``keys`` are for TCP alone: ipc is not encrypted. Raises ArgumentError for what is no address.
    """

    events: str
    requests: str = ""
    keys: ClientKeys | None = None

    def __post_init__(self) -> None:
        for name, value in (("events", self.events), ("requests", self.requests)):
            try:
                if value:
                    check_address(value)
            except ValueError as error:
                raise ArgumentError(f"{name} {value!r}: {error}") from None
