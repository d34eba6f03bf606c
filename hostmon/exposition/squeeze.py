"""Pages in gzip's format: what did not change since the last page is not compressed again.

A page is one gzip member of chunks that refer to nothing before them, so that each may be made by
any thread and used again. Compressing takes most of a scrape's time, and without the GIL. Must not
know what a page holds.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

from isal import isal_zlib

from hostmon._exposition import Piece

Buffer = bytes | Piece

LEVEL = 1
RAW_WINDOW = -15
"""zlib's number for deflate alone, without a header, with the largest window."""

HEADER = bytes.fromhex("1f8b 08 00 00000000 04 ff")
"""RFC 1952: deflate, no flags, no time, quickest, of an unknown system."""

LAST_BLOCK = bytes.fromhex("03 00")
"""RFC 1951: an empty block that ends the stream."""

SMALLEST = 8 << 10
"""Bytes from which a chunk of its own costs little: each begins without a dictionary."""

LARGEST = 128 << 10
"""Bytes from which a chunk takes no further piece, so that two threads have equal shares."""

LARGE = 512 << 10
"""Bytes to be compressed from which two threads gain more than they cost."""

# Two, and who asks waits: with a share of its own its processor would often be the helper's too.
_helpers = ThreadPoolExecutor(2, "hostmon-gzip")


class Chunk(NamedTuple):
    """Pieces as whole bytes of a deflate stream, with the checksum and size of what they were."""

    marks: list[object]
    deflated: bytes
    crc: int
    size: int


class Squeezer:
    """Compresses pages one after another; one thread at a time may call it."""

    def __init__(self) -> None:
        self._kept: dict[object, Chunk] = {}
        self._seen: set[object] = set()

    @property
    def memory(self) -> int:
        """Bytes that the chunks of the last page take."""
        return sum(len(chunk.deflated) for chunk in self._kept.values())

    def gzipped(self, pieces: Sequence[Buffer]) -> bytes:
        """A page that lies in pieces as one gzip member."""
        marks: list[object] = [
            piece if isinstance(piece, bytes) else piece.mark for piece in pieces
        ]
        sizes = [memoryview(piece).nbytes for piece in pieces]
        plan = list(self._planned(marks, sizes))
        made = compressed([part for part in plan if isinstance(part, range)], pieces, marks, sizes)
        chunks = [made[part] if isinstance(part, range) else part for part in plan]
        self._kept = {chunk.marks[0]: chunk for chunk in chunks}
        self._seen = set(marks)
        return joined(chunks)

    def _planned(self, marks: list[object], sizes: list[int]) -> Iterator[Chunk | range]:
        """What the page is made of: chunks that are kept, and ranges of pieces to compress."""
        moved = [mark not in self._seen for mark in marks]
        begin = i = 0
        while i < len(marks):
            kept = self._kept.get(marks[i])
            if kept is None or kept.marks != marks[i : i + len(kept.marks)]:
                i += 1
                continue
            yield from ranges(begin, i, sizes, moved)
            yield kept
            begin = i = i + len(kept.marks)
        yield from ranges(begin, len(marks), sizes, moved)


def ranges(begin: int, end: int, sizes: list[int], moved: list[bool]) -> Iterator[range]:
    """Pieces that are neighbours as chunks: those that moved apart from those that stood still."""
    size = 0
    for i in range(begin, end):
        if size >= LARGEST or (size >= SMALLEST and moved[i] != moved[i - 1]):
            yield range(begin, i)
            begin, size = i, 0
        size += sizes[i]
    if begin < end:
        yield range(begin, end)


def compressed(
    parts: Iterable[range], pieces: Sequence[Buffer], marks: list[object], sizes: list[int]
) -> dict[range, Chunk]:
    """Ranges of pieces as chunks; large ones by two threads, each taking the largest left."""
    made: dict[range, Chunk] = {}
    left = sorted(parts, key=lambda part: sum(sizes[i] for i in part))

    def work() -> None:
        while left:
            try:
                part = left.pop()
            except IndexError:
                return
            made[part] = chunk([pieces[i] for i in part], [marks[i] for i in part])

    if sum(sizes[i] for part in left for i in part) < LARGE:
        work()
    else:
        for done in wait([_helpers.submit(work) for _ in range(2)]).done:
            done.result()
    return made


def chunk(pieces: Iterable[Buffer], marks: list[object]) -> Chunk:
    """Pieces that are compressed without regard to what stands before them."""
    squeezer = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, RAW_WINDOW)
    made, crc, size = [], 0, 0
    for piece in pieces:
        with memoryview(piece) as view:
            made.append(squeezer.compress(view))
            crc = isal_zlib.crc32(view, crc)
            size += view.nbytes
    made.append(squeezer.flush(isal_zlib.Z_SYNC_FLUSH))
    return Chunk(marks, b"".join(made), crc, size)


def joined(chunks: Iterable[Chunk]) -> bytes:
    """Chunks as one gzip member."""
    parts, crc, size = [HEADER], 0, 0
    for chunk in chunks:
        parts.append(chunk.deflated)
        crc = isal_zlib.crc32_combine(crc, chunk.crc, chunk.size)
        size += chunk.size
    return b"".join([*parts, LAST_BLOCK, struct.pack("<II", crc, size & 0xFFFFFFFF)])
