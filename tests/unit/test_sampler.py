"""The kernel sampler's thread: its cadence, and a fresh pass within a deadline."""

import gc
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hostmon._sampler import ALL, FAST, SHOWN
from hostmon._table import GuestTable
from hostmon.sampler import KernelSampler

UUID = bytes(range(16))


class Passes:
    """Stands for the compiled sampler: notes what it was asked, and can be held up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held = threading.Event()
        self.held.set()
        self.passes = 0
        self.denied_groups: list[int] = []
        self.unresolved = 0
        self.memory_failures = self.barred = 0
        self.changes: list[bytes] = []

    def sample(self, depth: int = ALL) -> int:
        self.asked.append({FAST: "fast", SHOWN: "shown", ALL: "all"}[depth])
        self.passes += 1
        self.held.wait(5)
        return 1_000_000

    def discover(self) -> None:
        self.asked.append("discover")

    def take_changes(self) -> list[bytes]:
        found, self.changes = self.changes, []
        return found


@pytest.fixture
def passes() -> Passes:
    return Passes()


@pytest.fixture
def table() -> GuestTable:
    made = GuestTable()
    made.upsert(UUID, b"g")
    return made


def open_files() -> int:
    gc.collect()  # what other tests left behind closes its files now, not between two counts
    return len(list(Path("/proc/self/fd").iterdir()))


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def made(passes: Passes, table: GuestTable, **options: object) -> KernelSampler:
    return KernelSampler(passes, table, **{"interval": 1000.0, **options})  # type: ignore[arg-type]


def test_it_samples_at_once_and_at_the_cadence(passes: Passes, table: GuestTable) -> None:
    sampler = made(passes, table, interval=0.01)
    sampler.start()
    eventually(lambda: passes.asked.count("all") >= 3)
    sampler.stop()
    assert set(passes.asked) == {"all"}


def test_a_fresh_pass_begins_after_asking(passes: Passes, table: GuestTable) -> None:
    sampler = made(passes, table)
    sampler.start()
    eventually(lambda: passes.asked == ["all"])
    assert sampler.fresh(5)
    assert passes.asked == ["all", "fast"]
    passes.held.clear()
    started = passes.passes
    asking = threading.Thread(target=sampler.fresh, args=(5,))
    asking.start()
    eventually(lambda: passes.passes > started)
    # A pass is under way: it began before this second question and does not answer it.
    assert not sampler.fresh(0.02)
    passes.held.set()
    asking.join()
    eventually(lambda: passes.asked.count("fast") >= 3)
    sampler.stop()


def test_a_pass_for_a_page_puts_the_next_one_off(
    passes: Passes, table: GuestTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hostmon.sampler.WHOLE_S", 0.0)
    sampler = made(passes, table, interval=0.2)
    sampler.start()
    eventually(lambda: passes.asked == ["all"])
    assert sampler.fresh(5)
    asked = time.monotonic()
    eventually(lambda: passes.asked[2:] == ["all"])
    assert time.monotonic() - asked > 0.35
    eventually(lambda: passes.asked[3:] == ["all"])
    sampler.stop()
    assert passes.asked[1] == "shown"


def test_a_hanging_pass_holds_nobody_longer_than_the_deadline(
    passes: Passes, table: GuestTable
) -> None:
    passes.held.clear()
    sampler = made(passes, table)
    sampler.start()
    began = time.monotonic()
    assert not sampler.fresh()
    assert 0.04 < time.monotonic() - began < 0.5
    passes.held.set()
    sampler.stop()


def test_a_guests_start_is_looked_at_as_it_comes(passes: Passes, table: GuestTable) -> None:
    sampler = made(passes, table)
    sampler.start()
    eventually(lambda: passes.asked == ["all"])
    table.set_state(UUID, 1, 1, 7)
    eventually(lambda: passes.asked == ["all", "discover"])
    table.set_state(UUID, 3, 1, 7)
    assert sampler.fresh(5)
    assert passes.asked == ["all", "discover", "fast"]
    sampler.stop()


def test_a_changed_vcpu_count_is_told(passes: Passes, table: GuestTable) -> None:
    told: list[bytes] = []
    passes.changes = [UUID]
    sampler = made(passes, table, on_vcpus=told.extend)
    sampler.start()
    eventually(lambda: told == [UUID])
    sampler.stop()


def test_a_missing_permission_is_said_once(
    passes: Passes, table: GuestTable, caplog: pytest.LogCaptureFixture
) -> None:
    passes.denied_groups = [4]
    passes.unresolved = 2
    passes.barred = 3  # before one of them was found among all processes
    passes.memory_failures = 3
    sampler = made(passes, table, interval=0.001)
    with caplog.at_level(logging.WARNING):
        sampler.start()
        eventually(lambda: passes.passes > 5)
        sampler.stop()
    (record,) = caplog.records
    assert record.message.startswith("not permitted to read process_io of the guests' processes")
    report = sampler.report()
    assert (report.denied, report.unresolved, report.barred) == (("process_io",), 2, 2)
    assert report.memory_failures == 3
    assert report.passes == passes.passes
    assert report.last_pass == 0.001


def test_stopping_leaves_no_descriptor(passes: Passes, table: GuestTable) -> None:
    before = open_files()
    sampler = made(passes, table)
    sampler.start()
    sampler.stop()
    assert open_files() == before
    table.set_state(UUID, 1, 1, 9)


def test_a_scrape_reads_all_that_is_shown_unless_that_was_just_done(
    passes: Passes, table: GuestTable
) -> None:
    now = 100.0
    sampler = made(passes, table, clock=lambda: now)
    sampler.start()
    eventually(lambda: passes.asked == ["all"])
    assert sampler.fresh(5)
    now += 15
    assert sampler.fresh(5)
    sampler.stop()
    assert passes.asked == ["all", "fast", "shown"]


def test_scrapes_do_not_put_off_for_ever_what_only_a_deep_pass_reads(
    passes: Passes, table: GuestTable
) -> None:
    now = 100.0
    sampler = made(passes, table, clock=lambda: now)
    sampler.start()
    eventually(lambda: passes.asked == ["all"])
    for _ in range(14):
        now += 5
        assert sampler.fresh(5)
    sampler.stop()
    assert passes.asked == ["all", *["shown"] * 11, "all", "shown", "shown"]
