"""Bytes of ZeroMQ's protocol, for peers that are no library (ZMTP 3.0, RFC 23)."""

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00"
NULL = GREETING + b"NULL".ljust(20, b"\0") + bytes(32)
CURVE = GREETING + b"CURVE".ljust(20, b"\0") + bytes(32)


def ready(kind: bytes) -> bytes:
    """A whole handshake of ZMTP 3.0 (RFC 23), as a socket of this kind."""
    body = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind
    return NULL + b"\x04" + bytes([len(body)]) + body
