"""Lines kept from page to page: whatever moved in between, a page is what a first one would be."""

import ctypes
import itertools
import random
import threading
from collections.abc import Callable
from queue import SimpleQueue

import pytest
from prometheus_client import CollectorRegistry

from bench.front.tables import NUMBERS, VCPUS, MadeUp
from hostmon.exposition import SHARED_NS, Exposition, Format
from hostmon.exposition.sources import Sources
from hostmon.facts import GuestFacts
from hostmon.metrics import CATALOGUE
from hostmon.samples import Group
from hostmon.scrape import read
from tests.native.synthetic import move, put, set_job, set_vcpus

UNKNOWN = 2**64 - 1
GUESTS = 12
AGES = "hostmon_guest_sample_age_seconds"
"""Left out where pages are compared: it moves between one page and the next."""


def exposition(made: MadeUp, **more: object) -> Exposition:
    ticks = itertools.count(0, 10 * SHARED_NS)
    return Exposition(
        made.table, made.describe, dict, CollectorRegistry(), clock_ns=lambda: next(ticks),
        off=[AGES], **more,  # type: ignore[arg-type]
    )  # fmt: skip


class Changes:
    """What may happen to guests between two scrapes."""

    def __init__(self, made: MadeUp, seed: int) -> None:
        self.made = made
        self.random = random.Random(seed)
        self.names = itertools.count(GUESTS)

    def anyone(self) -> bytes:
        return self.random.choice(self.made.uuids)

    def little(self) -> None:
        move(self.made.table, NUMBERS, 1000, self.random.getrandbits(40))

    def one_column(self) -> None:
        scope = self.random.choice(list(NUMBERS))
        columns = {scope: [self.random.choice(NUMBERS[scope])]}
        move(self.made.table, columns, self.random.choice([0, 1, 1000]), self.random.getrandbits(9))

    def any_number(self) -> None:
        move(self.made.table, NUMBERS, 0, self.random.getrandbits(40))

    def edge(self) -> None:
        """A number of every length there is, one less and one more than it."""
        scope = self.random.choice(["guest", "disk", "interface"])
        value = 10 ** self.random.randrange(20) + self.random.randrange(-1, 2)
        put(self.made.table, self.anyone(), scope, 0, {self.random.choice(NUMBERS[scope]): value})

    def unknown(self) -> None:
        column = self.random.choice(NUMBERS["guest"])
        put(self.made.table, self.anyone(), "guest", 0, {column: UNKNOWN})

    def known(self) -> None:
        """All of a guest that runs, after it may have been off."""
        uuid = self.anyone()
        set_vcpus(self.made.table, uuid, VCPUS)
        set_job(self.made.table, uuid, True)
        self.made.read(uuid)

    def state(self) -> None:
        running = self.random.choice([-1, 1])
        self.made.table.set_state(self.anyone(), self.random.randrange(8), 1, running)

    def come(self) -> None:
        number = next(self.names)
        self.made.add(f"new-{number}", number)

    def go(self) -> None:
        if len(self.made.uuids) > 2:
            uuid = self.anyone()
            self.made.uuids.remove(uuid)
            self.made.table.retire(uuid)

    def job(self) -> None:
        set_job(self.made.table, self.anyone(), self.random.random() < 0.5)

    def rename(self) -> None:
        self.made.table.upsert(self.anyone(), b"renamed-%d" % next(self.names))

    def some(self) -> list[Callable[[], None]]:
        """Changes that no page comes between; most leave every line where it is."""
        often = [self.little, self.one_column, self.edge] * 4
        seldom = [self.any_number, self.unknown, self.known, self.state]
        rarely = [self.come, self.go, self.job, self.rename]
        picked = self.random.choices([often, seldom, rarely], [8, 3, 1])[0]
        return self.random.choices(picked, k=self.random.randrange(1, 4))


@pytest.mark.parametrize("seed", range(12))
def test_a_page_is_the_same_as_one_made_anew(seed: int) -> None:
    made = MadeUp(GUESTS, seed, job=True)
    changes = Changes(made, seed)
    kept = exposition(made, on=[metric.name for metric in CATALOGUE if metric.name != AGES])
    for _ in range(120):
        for change in changes.some():
            change()
        form = changes.random.choice(list(Format))
        collect = changes.random.sample([metric.name for metric in CATALOGUE], 9)
        collect = changes.random.choice([[], [], collect])
        anew = exposition(made, on=[metric.name for metric in CATALOGUE if metric.name != AGES])
        page = kept.page(form, collect=collect)
        assert page == anew.page(form, collect=collect)
    read(page, form.value)


def test_ages_move_on_in_lines_that_are_kept() -> None:
    made = MadeUp(2)
    ticks = itertools.count(0, 10 * SHARED_NS)
    page = Exposition(
        made.table, made.describe, dict, CollectorRegistry(), clock_ns=lambda: next(ticks)
    )
    seen = []
    for seconds in (1, 9, 10, 200, 3):
        for uuid in made.uuids:
            made.read(uuid, now_ns=made.table.snapshot().taken_ns - seconds * 10**9)
        found = read(page.page(), Format.TEXT.value).values
        seen.append({int(value) for (name, _), value in found.items() if name == AGES})
    assert seen == [{1}, {9}, {10}, {200}, {3}]


def test_a_share_of_what_cannot_be_comes_and_goes() -> None:
    made = MadeUp(1)
    page = exposition(made, profile="inovex")
    name = "libvirt_domain_memory_stats_used_percent"
    for available, unused, shown in ((100, 25, 75), (100, 101, None), (0, 0, None), (8, 0, 100)):
        columns = {"balloon.available": available, "balloon.usable": unused}
        put(made.table, made.uuids[0], "guest", 0, columns)
        found = [v for (n, _), v in read(page.page(), "text/plain").values.items() if n == name]
        assert found == [shown] if shown is not None else found[0] != found[0]


@pytest.mark.parametrize("seed", range(6))
def test_pieces_that_are_kept_stay_as_they_are(seed: int) -> None:
    """Whatever happens meanwhile; and the pages made meanwhile are what they would be anyway."""
    made = MadeUp(GUESTS, seed, job=True)
    changes = Changes(made, seed)
    page = exposition(made)
    kept: list[tuple[bytes | memoryview, bytes]] = []
    for _ in range(60):
        for change in changes.some():
            change()
        form = changes.random.choice(list(Format))
        pieces = page.pieces(form)
        assert b"".join(pieces) == exposition(made).page(form)
        kept += [(piece, bytes(piece)) for piece in changes.random.choices(pieces, k=4)]
        changes.random.shuffle(kept)
        del kept[20:], pieces
        assert all(piece == copy for piece, copy in kept)


def test_a_page_that_nobody_keeps_is_written_in_place() -> None:
    made = MadeUp(50)
    page = exposition(made)
    texts: list[list[int]] = []
    for _ in range(4):
        move(made.table, NUMBERS, 1000, len(texts))
        texts.append([address(piece) for piece in page.pieces()[1:-1]])
    assert texts[0] == texts[1] == texts[2] == texts[3]
    kept = page.pieces()
    move(made.table, NUMBERS, 1000, 9)
    later = [address(piece) for piece in page.pieces()[1:-1]]
    assert later != texts[0]
    assert len(set(later) & set(texts[0])) > 10, "what did not change is shared"
    del kept


def address(piece: bytes | memoryview) -> int:
    """Where its first byte lies."""
    buffer = (ctypes.c_void_p * 16)()  # begins as Py_buffer does
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(piece), buffer, 0)
    ctypes.pythonapi.PyBuffer_Release(buffer)
    return int(buffer[0] or 0)


def test_pieces_are_let_go_in_other_threads_while_pages_are_made() -> None:
    made = MadeUp(40)
    page = exposition(made)
    queue: SimpleQueue[tuple[bytes | memoryview, ...] | None] = SimpleQueue()
    wrong = []

    def read_and_drop() -> None:
        for pieces in iter(queue.get, None):
            first = b"".join(pieces)
            if first != b"".join(pieces) or first.count(b"# TYPE") < 30:
                wrong.append(first)
            del pieces

    readers = [threading.Thread(target=read_and_drop) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(300):
        move(made.table, NUMBERS, number % 2 * 1000, number)
        queue.put(page.pieces())
    for _ in readers:
        queue.put(None)
    for reader in readers:
        reader.join(30)
    assert not wrong


def test_lines_leave_no_memory_behind_when_guests_go() -> None:
    made = MadeUp(300)
    page = exposition(made, sources=Sources(cadences={Group.BLOCK: 60.0}))
    page.pieces()
    full = page.memory
    for uuid in made.uuids[1:]:
        made.table.retire(uuid)
    page.pieces()
    assert page.memory < full / 20


def test_a_guest_whose_labels_can_not_be_made_leaves_no_page_of_old_memory() -> None:
    """It vanishes; the guest that was renamed before it still has to be listed anew."""
    made = MadeUp(3)
    unlucky = bytes(range(16))

    def describe(uuid: str) -> GuestFacts | None:
        if uuid.replace("-", "") == unlucky.hex():
            raise RuntimeError(uuid)
        return made.describe(uuid)

    ticks = itertools.count(0, 10 * SHARED_NS)
    page = Exposition(
        made.table, describe, dict, CollectorRegistry(), clock_ns=lambda: next(ticks), off=[AGES]
    )
    page.page()
    made.table.upsert(made.uuids[0], b"renamed")
    made.table.upsert(unlucky, b"unlucky")
    with pytest.raises(RuntimeError):
        page.page()
    made.table.retire(unlucky)
    assert page.page() == exposition(made).page()
    assert b'domain="renamed"' in page.page()
