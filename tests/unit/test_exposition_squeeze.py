"""Compressed pages: one gzip member whatever the size, and only what changed compressed again."""

import itertools
import random
import zlib
from collections.abc import Sequence

import pytest
from isal import isal_zlib
from prometheus_client import CollectorRegistry, Counter

from bench.exposition import MOVING
from bench.front.tables import NUMBERS, MadeUp
from hostmon.exposition import SHARED_NS, Exposition, Format, squeeze
from hostmon.exposition.squeeze import LARGE, LARGEST, SMALLEST, Squeezer
from hostmon.metrics import PROFILES
from hostmon.scrape import read
from tests.native.synthetic import move


def unpacked(body: bytes) -> bytes:
    """What one whole gzip member holds, by zlib."""
    reader = zlib.decompressobj(31)
    page = reader.decompress(body)
    assert reader.eof
    assert not reader.unused_data
    return page


def exposition(made: MadeUp, **more: object) -> Exposition:
    """An exposition that never shares a render, with a metric of its own."""
    registry = CollectorRegistry()
    Counter("hostmon_own", "The agent's own.", registry=registry).inc()
    ticks = itertools.count(0, 10 * SHARED_NS)
    options: dict[str, object] = {"clock_ns": lambda: next(ticks), **more}
    return Exposition(made.table, made.describe, dict, registry, **options)  # type: ignore[arg-type]


@pytest.fixture
def squeezed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes were compressed, chunk by chunk."""
    sizes: list[int] = []

    def chunk(pieces: Sequence[bytes], marks: list[object]) -> squeeze.Chunk:
        made = CHUNK(pieces, marks)
        sizes.append(made.size)
        return made

    monkeypatch.setattr(squeeze, "chunk", chunk)
    return sizes


CHUNK = squeeze.chunk


@pytest.mark.parametrize("size", [0, 1, SMALLEST, LARGE - 1, LARGE, LARGE + 1, 6 * LARGE])
@pytest.mark.parametrize("made_of", ["lines", "noise"])
def test_every_size_is_one_whole_member(size: int, made_of: str) -> None:
    line = b'libvirt_domain_info_cpu_time_seconds_total{domain="instance-00000001"} 12.5\n'
    noise = random.Random(1).randbytes(size)
    page = noise if made_of == "noise" else (line * (size // len(line) + 1))[:size]
    cuts = sorted(random.Random(size).randrange(size + 1) for _ in range(20))
    pieces = [page[a:b] for a, b in itertools.pairwise([0, *cuts, size])]
    squeezer = Squeezer()
    assert unpacked(squeezer.gzipped(pieces)) == page
    assert unpacked(squeezer.gzipped(pieces)) == page


@pytest.mark.parametrize("seed", range(8))
def test_whatever_pieces_come_go_and_change_the_page_is_theirs(seed: int) -> None:
    rng = random.Random(seed)
    squeezer = Squeezer()
    sizes = [rng.choice([0, 1, 700, SMALLEST, LARGEST, 3 * LARGEST]) for _ in range(12)]
    pieces = [rng.randbytes(size // 4).hex().encode() * 2 for size in sizes]
    for _ in range(25):
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(pieces) + 1)
            new = rng.randbytes(rng.choice([0, 300, SMALLEST, LARGEST])).hex().encode()
            pieces[at : at + rng.randrange(2)] = [new]
        assert unpacked(squeezer.gzipped(pieces)) == b"".join(pieces)


def test_what_stands_still_is_not_compressed_again(squeezed: list[int]) -> None:
    rng = random.Random(1)
    still = [rng.randbytes(SMALLEST) for _ in range(9)]
    squeezer = Squeezer()
    for number in range(4):
        moving = [b"%d " % number * SMALLEST for _ in range(3)]
        pieces = [*still[:4], moving[0], *still[4:8], *moving[1:], still[8]]
        squeezed.clear()
        assert unpacked(squeezer.gzipped(pieces)) == b"".join(pieces)
    assert sum(squeezed) == sum(map(len, moving))


def test_small_pieces_share_a_chunk_with_their_neighbours(squeezed: list[int]) -> None:
    squeezer = Squeezer()
    for number in range(3):
        pieces = [b"%d still" % (i if i % 2 else 1000 * number + i) for i in range(400)]
        squeezed.clear()
        squeezer.gzipped(pieces)
    assert len(squeezed) == 1


@pytest.mark.parametrize("profile", PROFILES)
def test_pages_inflate_to_the_plain_page(profile: str) -> None:
    made = MadeUp(300, job=True)
    page = exposition(made, profile=profile, off=["hostmon_guest_sample_age_seconds"])
    rng = random.Random(7)
    asks = [(form, ()) for form in Format] * 3 + [
        (Format.TEXT, ("libvirt_domain_info_state", "libvirt_domain_state", "hostmon_own")),
        (Format.OPENMETRICS, ("libvirt_domain_info_cpu_time_seconds",)),
    ]
    for number in range(30):
        columns, part = rng.choice([(MOVING, 1000), (MOVING, 1000), (NUMBERS, 0), ({}, 1)])
        move(made.table, columns, part, number)
        if number % 9 == 8:
            made.add(f"new-{number}", 1000 + number)
        form, collect = rng.choice(asks)
        squeezed = page.page(form, compressed=True, collect=collect)
        plain = page.page(form, collect=collect)
        assert without_costs(unpacked(squeezed)) == without_costs(plain)
        if number % 10 == 0:  # reading takes far longer than making
            read(unpacked(squeezed), form.value)


def without_costs(page: bytes) -> list[bytes]:
    """The lines of a page but for when the agent's own metrics were made."""
    return [line for line in page.splitlines() if b"_created" not in line]


def test_scrapes_that_share_a_render_share_what_is_compressed(squeezed: list[int]) -> None:
    made = MadeUp(50)
    page = exposition(made, clock_ns=lambda: 1)
    first = page.page(compressed=True)
    squeezed.clear()
    assert page.page(compressed=True) is first
    assert unpacked(first) == page.page()
    assert not squeezed


def test_between_scrapes_only_what_moved_is_compressed(squeezed: list[int]) -> None:
    made = MadeUp(400)
    page = exposition(made)
    for number in range(4):
        move(made.table, MOVING, 1000, number)
        squeezed.clear()
        body = page.page(compressed=True)
    size = len(unpacked(body))
    assert 0.2 * size < sum(squeezed) < 0.6 * size
    move(made.table, NUMBERS, 1000, 99)
    squeezed.clear()
    page.page(compressed=True)
    assert sum(squeezed) > 0.6 * size


def test_what_is_kept_is_counted_and_bounded() -> None:
    made = MadeUp(300)
    page = exposition(made)
    page.pieces()
    before = page.memory
    sizes = []
    for number in range(5):
        move(made.table, MOVING, 1000, number)
        sizes.append(len(page.page(compressed=True)))
        assert 0.8 * sizes[-1] < page.memory - before < sizes[-1]
    page.page(compressed=True, collect=["libvirt_domain_state"])
    assert page.memory - before < sizes[-1] / 10


def test_chunks_cost_little_in_size() -> None:
    made = MadeUp(1000)
    page = exposition(made)
    for number in range(3):
        move(made.table, MOVING, 1000, number)
        body = page.page(compressed=True)
    whole = isal_zlib.compress(unpacked(body), squeeze.LEVEL, 31)
    assert len(body) < 1.1 * len(whole)
