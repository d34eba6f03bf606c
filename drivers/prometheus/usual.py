"""A scrape as Prometheus sends it: recognised whole by one strict pattern, and the answer's head.

Whatever is unusual about a request is none, and a whole HTTP server's business.
"""

import re
from email.utils import formatdate
from http import HTTPStatus

from hostmon_drivers.prometheus.scrapes import Answer, Asked

LONGEST = 8192
"""Bytes of a request that may go the short way."""
REQUEST = re.compile(
    rb"GET /metrics(?:\?([!-~]*))? HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ -~\t]*\r\n)*)\r\n"
)
UNUSUAL = {b"connection", b"content-length", b"expect", b"transfer-encoding", b"upgrade"}
"""Headers that change how a request is read or answered."""


def scrape_in(data: bytes) -> Asked | None:
    """The scrape that these bytes are, if they are one usual request for it and nothing more."""
    found = REQUEST.fullmatch(data) if len(data) <= LONGEST else None
    if found is None:
        return None
    headers: dict[bytes, bytes] = {}
    for line in found[2].splitlines():
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in UNUSUAL or name in headers:
            return None
        headers[name] = value.strip()
    if b"host" not in headers:
        return None
    said = (found[1] or b"", headers.get(b"accept", b""), headers.get(b"accept-encoding", b""))
    return Asked(*(text.decode("ascii") for text in said))


def head(answer: Answer) -> bytes:
    """What is sent before an answer's body."""
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in answer.headers),
        f"content-length: {answer.size}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
