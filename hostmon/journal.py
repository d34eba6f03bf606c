"""The journal on disk: JSON lines in files whose names sort by time; what every line may be.

Owns the format and reading it. Writing is the journal driver's; nothing here changes a file.
"""

import functools
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from hostmon.events import EVENT_TYPES, Event
from hostmon.numbers import Position
from hostmon.wire import UNDECODABLE, UnknownEvent

DIRECTORY = Path("/var/lib/hostmon/journal")
PATTERN = "journal-*.jsonl"


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="journal"):
    """The first line of a file: how far the files before it reach."""

    v: int = 1
    positions: tuple[Position, ...] = ()


class GapMark(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="gap"):
    """Events are missing here: numbers ``first`` to ``last`` of a class within ``epoch``.

    After a start of the agent it is not known how many were missed: ``last`` of the old epoch is 0.
    Both are 0 where the agent lost events before they had a number; ``reason`` says how many.
    """

    v: int = 1
    class_: str
    epoch: int
    first: int
    last: int
    time_ns: int
    reason: str


Line = Event | Header | GapMark
_LINE: Any = functools.reduce(operator.or_, (*EVENT_TYPES, UnknownEvent, Header, GapMark))
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(_LINE)
_encoder = msgspec.json.Encoder()


def encode(line: Line) -> bytes:
    """One line with its end."""
    return _encoder.encode(line) + b"\n"


def files(directory: Path) -> list[Path]:
    """The journal's files, the oldest first."""
    return sorted(directory.glob(PATTERN))


def lines(path: Path) -> Iterator[Line | None]:
    """Every line of a file; None for one that is no journal line, such as a torn last one."""
    with path.open("rb") as file:
        for raw in file:
            try:
                yield _decoder.decode(raw) if raw.endswith(b"\n") else None
            except UNDECODABLE:
                yield None
