"""Where one agent is reached, and with which keys."""

import msgspec
import zmq

from hostmon.keys import Pair


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

    ``keys`` are for TCP alone: ipc is not encrypted.
    """

    events: str
    requests: str = ""
    keys: ClientKeys | None = None
