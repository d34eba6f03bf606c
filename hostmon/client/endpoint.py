"""Where one agent is reached."""

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """An agent's two sockets; without ``requests`` gaps are told but not repaired."""

    events: str
    requests: str = ""
