"""Where one agent is reached, and with which keys."""

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """An agent's two sockets; without ``requests`` gaps are told but not repaired.

    The keys are CURVE's, Z85: the agent's public key and the client's own pair; none over ipc.
    """

    events: str
    requests: str = ""
    server_key: str = ""
    public_key: str = ""
    secret_key: str = ""
