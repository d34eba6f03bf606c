"""The judge itself: what it accepts, and that it notices each way of being wrong."""

import random
import time

import pytest

from tests.fault.align import GAP, Maybe, align

DAY = list("abcdefgh")


@pytest.mark.parametrize(
    ("told", "heard", "missed"),
    [
        (DAY, DAY, 0),
        (DAY, ["a", "b", GAP, "f", "g", "h"], 3),
        (DAY, [GAP, "h"], 7),
        (DAY, ["a", GAP], 7),
        (["a", GAP, "f"], ["a", "b", "c", "f"], 0),
        ([GAP, "c", "d"], ["a", "b", "c", "d"], 0),
        (["a", "b", GAP], ["a", "b", "c"], 0),
        (["a", "b", GAP, "e"], ["a", GAP, "d", "e"], 1),
        (list("abab"), ["a", GAP, "a", "b"], 1),
        (list("aaaab"), ["a", GAP, "b"], 3),
        (DAY, ["a", Maybe("b"), Maybe("x"), *DAY[2:]], 0),
        ([], [], 0),
    ],
)
def test_gaps_explain_what_is_missing(told: list[object], heard: list[object], missed: int) -> None:
    found = align(told, heard)
    assert not found.problem
    assert (found.lost, found.missed) == (0, missed)


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        (DAY, DAY[1:]),
        (DAY, DAY[:-1]),
        (DAY, ["a", "c", *DAY[3:]]),
        (DAY, ["a", "c", "b", *DAY[3:]]),
        (DAY, ["a", "a", *DAY[1:]]),
        (DAY, ["a", GAP, "f", "h"]),
        (DAY, [*DAY, "i"]),
        (["a", GAP, "f", "g"], ["a", "f"]),
        (list("abab"), ["a", GAP, "a"]),
        (DAY, ["a", Maybe("b"), "b", "c"]),
    ],
    ids=[
        "first", "last", "hole", "order", "twice", "beside-the-gap", "invented", "after-the-gap",
        "same-again", "repaired",
    ],
)  # fmt: skip
def test_whatever_no_gap_explains_is_found(told: list[object], heard: list[object]) -> None:
    found = align(told, heard)
    assert found.problem
    assert found.lost >= 1


def test_one_token_taken_out_anywhere_is_found_among_thousands() -> None:
    chance = random.Random(3)
    told = [(chance.choice("abc"), chance.choice("+-")) for _ in range(5000)]
    began = time.monotonic()
    assert not align(told, told).problem
    for _ in range(20):
        at = chance.randrange(len(told))
        assert align(told, told[:at] + told[at + 1 :]).lost == 1
    assert time.monotonic() - began < 10
