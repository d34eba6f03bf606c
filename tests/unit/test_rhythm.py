"""Readings fall into step with scrapes: the interval is learnt, and each reading leads a scrape."""

import random
from itertools import pairwise

import pytest

from hostmon.rhythm import LEAD_S, Rhythm


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def readings(
    rhythm: Rhythm, clock: Clock, scrapes: list[float], cadence: float
) -> list[tuple[float, list[float]]]:
    """Each reading's time, with those of the scrapes up to the next one, asked every 0.1 s."""
    made: list[tuple[float, list[float]]] = []
    last = 0.0
    left = sorted(scrapes)
    while left:
        clock.now += 0.1
        if left[0] <= clock.now:
            clock.now = left.pop(0)
            rhythm.scraped()
            if made:
                made[-1][1].append(clock.now)
        if last < rhythm.since(cadence, clock.now):
            last = clock.now
            made.append((last, []))
    return made


@pytest.mark.parametrize(
    ("interval", "cadence", "scrapes_a_reading"),
    [(15, 60, 4), (15, 50, 3), (15, 15, 1), (10, 15, 1), (60, 60, 1), (5, 60, 12)],
)
def test_each_reading_leads_as_many_scrapes(
    clock: Clock, interval: float, cadence: float, scrapes_a_reading: int
) -> None:
    rhythm = Rhythm(clock)
    jitter = random.Random(1)
    scrapes = [1003 + n * interval + jitter.uniform(0, 0.02) for n in range(80)]
    made = readings(rhythm, clock, scrapes, cadence)
    assert rhythm.interval == pytest.approx(interval, abs=0.1)
    for when, served in made[len(made) // 2 : -1]:
        assert len(served) == scrapes_a_reading
        assert LEAD_S - 1.3 < served[0] - when < LEAD_S + 0.3


@pytest.mark.parametrize("scraped", [False, True])
@pytest.mark.parametrize("cadence", [15.0, 14.0, 60.0])
def test_the_next_moment_is_when_readings_fall_due(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, scraped: bool, cadence: float
) -> None:
    monkeypatch.setattr("hostmon.rhythm.FORGET", 1000)  # the scraper goes on
    rhythm = Rhythm(clock)
    for _ in range(10 if scraped else 0):
        clock.now += 15
        rhythm.scraped()
    for _ in range(20):
        next_ = rhythm.next(cadence, clock.now)
        assert clock.now < next_ <= clock.now + cadence
        before = rhythm.since(cadence, clock.now)
        assert rhythm.since(cadence, next_ - 0.001) == pytest.approx(before)
        clock.now = next_ + 0.001
        assert rhythm.since(cadence, clock.now) > before


@pytest.mark.parametrize("cadence", [15.0, 60.0, 50.0, 300.0])
def test_learning_an_interval_makes_nothing_due_before_its_time(
    clock: Clock, cadence: float
) -> None:
    rhythm = Rhythm(clock)
    jitter = random.Random(2)
    scrapes = [1007 + n * 15 + jitter.uniform(0, 0.1) for n in range(200)]
    made = [when for when, _ in readings(rhythm, clock, scrapes, cadence)]
    gaps = [after - before for before, after in pairwise(made)]
    assert rhythm.interval == pytest.approx(15, abs=0.1)
    assert max(gaps) < cadence + 0.5
    early = [gap for gap in gaps if gap < 0.79 * cadence]
    assert len(early) <= 1, "the one that brings them into step"
    assert all(gap > cadence - 16 for gap in early)


@pytest.mark.parametrize("cadence", [15.0, 60.0, 300.0])
def test_whatever_the_scraper_does_readings_keep_their_cadence(
    clock: Clock, cadence: float
) -> None:
    jitter = random.Random(3)
    scrapes = [clock.now]
    for interval, count in ((15, 40), (30, 20), (15, 9), (400, 1), (15, 40), (10, 60), (60, 9)):
        for _ in range(count):
            scrapes.append(scrapes[-1] + interval + jitter.uniform(-0.05, 0.05))
    made = [when for when, _ in readings(Rhythm(clock), clock, scrapes, cadence)]
    assert max(after - before for before, after in pairwise(made)) < cadence + 1.5


def test_two_scrapers_of_one_interval_are_told_from_one(clock: Clock) -> None:
    rhythm = Rhythm(clock)
    scrapes = [1003 + n * 15.0 for n in range(40)] + [1008 + n * 15.0 for n in range(40)]
    made = readings(rhythm, clock, scrapes, 60)
    assert rhythm.interval == pytest.approx(15, abs=0.1)
    assert {len(served) for _, served in made[4:-1]} == {8}


def test_between_the_scrapes_of_a_slower_scraper_readings_are_even(clock: Clock) -> None:
    rhythm = Rhythm(clock)
    made = readings(rhythm, clock, [1003 + n * 110.0 for n in range(20)], 60)
    half = made[len(made) // 2 :]
    assert all(abs(b[0] - a[0] - 55) < 0.3 for a, b in pairwise(half))
    assert {len(served) for _, served in half[1:-1]} == {0, 1}
    assert all(abs(served[0] - when - LEAD_S) < 1.3 for when, served in half[1:-1] if served)


def test_without_a_rhythm_nothing_grows_older_than_its_cadence(clock: Clock) -> None:
    rhythm = Rhythm(clock)
    made = readings(rhythm, clock, [2000.0], 60)
    assert len(made) > 15
    assert max(b[0] - a[0] for a, b in pairwise(made)) < 60 - 10  # a pass may be so long ago


def test_irregular_scrapes_teach_nothing(clock: Clock) -> None:
    rhythm = Rhythm(clock)
    chance = random.Random(2)
    for _ in range(50):
        clock.now += chance.uniform(1, 30)
        rhythm.scraped()
        assert rhythm.interval is None


def test_a_scraper_that_went_away_is_forgotten(clock: Clock) -> None:
    rhythm = Rhythm(clock)
    for _ in range(10):
        clock.now += 15
        rhythm.scraped()
    assert rhythm.interval == 15
    clock.now += 46
    rhythm.since(60, clock.now)
    assert rhythm.interval is None


def test_scrapes_that_share_a_render_are_one(clock: Clock) -> None:
    rhythm = Rhythm(clock)
    for _ in range(10):
        clock.now += 15
        rhythm.scraped()
        rhythm.scraped()
    assert rhythm.interval == 15
