"""Compressed pages: one gzip member whatever the size, and nothing kept of the page."""

import itertools
import random
import zlib

import pytest

from hostmon.exposition.squeeze import LARGE, gzipped


@pytest.mark.parametrize("size", [0, 1, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE])
@pytest.mark.parametrize("made_of", ["lines", "noise"])
def test_every_size_is_one_whole_member(size: int, made_of: str) -> None:
    line = b'libvirt_domain_info_cpu_time_seconds_total{domain="instance-00000001"} 12.5\n'
    noise = random.Random(1).randbytes(size)
    page = noise if made_of == "noise" else (line * (size // len(line) + 1))[:size]
    reader = zlib.decompressobj(31)
    cuts = sorted(random.Random(size).randrange(size + 1) for _ in range(20))
    pieces = [page[a:b] for a, b in itertools.pairwise([0, *cuts, size])]
    assert reader.decompress(gzipped(pieces)) == page
    assert reader.eof
    assert not reader.unused_data


def test_the_page_is_free_again() -> None:
    page = bytearray(2 * LARGE)
    with memoryview(page) as view:
        gzipped([view])
    page.append(1)  # BufferError while anything still reads it


def test_halves_cost_little_in_size() -> None:
    numbers = random.Random(1)
    page = b"".join(b'x{domain="%08x"} %d\n' % (i, numbers.getrandbits(30)) for i in range(60_000))
    assert len(page) > LARGE
    whole = len(zlib.compress(page, 1))
    assert len(gzipped([page])) < 1.3 * whole
