"""What a scrape asks for, and the answer to it: one render at a time, in a thread of its own.

Owns content negotiation and the thread. Must not know how requests come in.
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import NamedTuple
from urllib.parse import parse_qs

from hostmon.driver import AgentView
from hostmon.errors import SettingsError

log = logging.getLogger(__name__)

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"


class Asked(NamedTuple):
    """One scrape: its query string and the headers that decide about the answer."""

    query: str = ""
    accept: str = ""
    encodings: str = ""


Body = tuple[bytes | memoryview, ...]
"""The pieces of a body, in order."""


class Answer(NamedTuple):
    """A status, headers but for the length, and a body."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: Body

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return sum(map(len, self.body))


FAILED = Answer(500, [("content-type", PLAIN)], (b"Internal Server Error",))

Then = Callable[[Answer], object]
"""What is done with an answer; must not raise."""
Turn = tuple[Asked, Then, asyncio.AbstractEventLoop]


class Scrapes:
    """Answers scrapes from the agent's view; those that come together wait and share a render.

    Begins an answer when the one before was given out: those that nobody has yet are two at most.
    """

    def __init__(self, view: AgentView) -> None:
        self._view = view
        self._asked: deque[tuple[Asked, Then]] = deque()
        self._busy = False
        self._turns: SimpleQueue[Turn | None] = SimpleQueue()
        threading.Thread(target=self._run, name="scrapes", daemon=True).start()

    def soon(self, asked: Asked, then: Then) -> None:
        """Call ``then`` with the answer, later in the running event loop; always the same one."""
        self._asked.append((asked, then))
        if not self._busy:
            self._next()

    def stop(self) -> None:
        """Make no more; whoever still waits is not answered. From any thread."""
        self._turns.put(None)

    def _next(self) -> None:
        self._busy = bool(self._asked)
        if self._busy:
            self._turns.put((*self._asked.popleft(), asyncio.get_running_loop()))

    def _run(self) -> None:
        while self._make(self._turns.get()):
            pass

    def _make(self, turn: Turn | None) -> bool:
        """One answer; False at the end. Apart, since what this thread names is kept until the next.

        Whatever happens there is one: without it nobody would be answered any more.
        """
        if turn is None:
            return False
        asked, then, loop = turn
        try:
            answer = self.answer(asked)
        except Exception:  # what went wrong could not even be logged
            answer = FAILED
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._give, then, answer)
        return True

    def _give(self, then: Then, answer: Answer) -> None:
        try:
            then(answer)
        finally:
            self._next()

    def answer(self, asked: Asked) -> Answer:
        """The answer, now; whatever goes wrong is a status."""
        try:
            return self._page(asked)
        except SettingsError as error:
            return Answer(400, [("content-type", PLAIN)], (f"{error}\n".encode(),))
        except Exception:
            log.exception("a scrape failed")
            return FAILED

    def _page(self, asked: Asked) -> Answer:
        openmetrics = accepts_openmetrics(asked.accept)
        compressed = accepts_gzip(asked.encodings)
        query = parse_qs(asked.query) if asked.query else {}
        body = self._view.metric_pieces(
            openmetrics=openmetrics,
            compressed=compressed,
            collect=query.get("collect[]", ()),
            profile=query.get("profile", ("",))[-1],
        )
        headers = [
            ("content-type", OPENMETRICS if openmetrics else TEXT),
            ("vary", "accept, accept-encoding"),
        ]
        if compressed:
            headers.append(("content-encoding", "gzip"))
        return Answer(200, headers, body)


def accepts_openmetrics(header: str) -> bool:
    """Whether an Accept header prefers OpenMetrics 1.0 to the text format, as Prometheus' does."""
    openmetrics = plain = 0.0
    for part in header.split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        given = dict(word.partition("=")[::2] for word in parameters)
        try:
            weight = float(given.get("q", 1))
        except ValueError:
            weight = 0.0
        if name == "application/openmetrics-text" and given.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, weight)
        elif name == "text/plain":
            plain = max(plain, weight)
    return openmetrics > 0 and openmetrics >= plain


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header allows gzip; ``gzip;q=0`` refuses it, whatever ``*``.

    Source: RFC 9110, 12.5.3.
    """
    weights: dict[str, float] = {}
    for part in header.split(","):
        name, _, weight = part.partition(";")
        try:
            weights[name.strip().lower()] = float(weight.replace(" ", "").partition("q=")[2] or 1)
        except ValueError:
            weights[name.strip().lower()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0
