"""A page in gzip's format: a large one as two halves, compressed at the same time.

Compressing takes most of a scrape's time, and without the GIL. Must not know what a page holds.
"""

import struct
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from isal import isal_zlib

from hostmon._exposition import Piece

Buffer = bytes | bytearray | memoryview | Piece

LEVEL = 1
GZIP_WINDOW = 31
"""zlib's number for the gzip format with the largest window."""
RAW_WINDOW = -15
"""The same for deflate alone, without a header."""

HEADER = bytes.fromhex("1f8b 08 00 00000000 04 ff")
"""RFC 1952: deflate, no flags, no time, quickest, of an unknown system."""

LARGE = 1 << 20
"""Bytes from which two threads gain more than they cost."""

# Two, and who asks waits: with a half of its own its processor would often be the helper's too.
_helpers = ThreadPoolExecutor(2, "hostmon-gzip")


def gzipped(pieces: Sequence[Buffer]) -> bytes:
    """A page that lies in pieces as one gzip member."""
    size = sum(len(memoryview(piece)) for piece in pieces)
    if size < LARGE:
        return isal_zlib.compress(b"".join(pieces), LEVEL, GZIP_WINDOW)
    before, behind = cut(pieces, size // 2)
    sooner = _helpers.submit(_deflated, before, isal_zlib.Z_SYNC_FLUSH)
    later = _helpers.submit(_deflated, behind, isal_zlib.Z_FINISH)
    first, first_crc = sooner.result()
    second, second_crc = later.result()
    crc = isal_zlib.crc32_combine(first_crc, second_crc, size - size // 2)
    return b"".join([HEADER, *first, *second, struct.pack("<II", crc, size & 0xFFFFFFFF)])


def cut(pieces: Iterable[Buffer], size: int) -> tuple[list[memoryview], list[memoryview]]:
    """The first ``size`` bytes of the pieces, and the rest."""
    before, behind = [], []
    for each in pieces:
        piece = memoryview(each)
        before.append(piece[:size])
        behind.append(piece[size:])
        size = max(0, size - len(piece))
    return before, behind


def _deflated(pieces: list[memoryview], end: int) -> tuple[list[bytes], int]:
    """Pieces as whole bytes of a deflate stream, their checksum; ``end`` is a flush of zlib's."""
    squeezer = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, RAW_WINDOW)
    made, crc = [], 0
    for piece in pieces:
        with piece:
            made.append(squeezer.compress(piece))
            crc = isal_zlib.crc32(piece, crc)
    return [*made, squeezer.flush(end)], crc
