"""A page in gzip's format: a large one as two halves, compressed at the same time.

Compressing takes most of a scrape's time, and without the GIL. Must not know what a page holds.
"""

import struct
from concurrent.futures import ThreadPoolExecutor

from isal import isal_zlib

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


def gzipped(page: memoryview) -> bytes:
    """The page as one gzip member."""
    if len(page) < LARGE:
        return isal_zlib.compress(page, LEVEL, GZIP_WINDOW)
    middle = len(page) // 2
    sooner = _helpers.submit(_deflated, page[:middle], isal_zlib.Z_SYNC_FLUSH)
    later = _helpers.submit(_deflated, page[middle:], isal_zlib.Z_FINISH)
    first, first_crc = sooner.result()
    second, second_crc = later.result()
    crc = isal_zlib.crc32_combine(first_crc, second_crc, len(page) - middle)
    return b"".join([HEADER, *first, *second, struct.pack("<II", crc, len(page) & 0xFFFFFFFF)])


def _deflated(part: memoryview, end: int) -> tuple[tuple[bytes, bytes], int]:
    """A part as whole bytes of a deflate stream, and its checksum; ``end`` is a flush of zlib's."""
    with part:
        squeezer = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, RAW_WINDOW)
        return (squeezer.compress(part), squeezer.flush(end)), isal_zlib.crc32(part)
