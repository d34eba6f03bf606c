"""What tests draw: the same order, numbers and examples each run, unless they are to search."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import random
import pytest
from hypothesis import given, strategies

@pytest.mark.parametrize("number", range(12))
def test_number(number):
    print("number", number, random.random())

@given(strategies.integers())
def test_example(example):
    print("example", example)
"""


def drawn(folder: Path, draws: str, *options: str, ci: str | None = None) -> list[str]:
    """What a run of some tests of its own printed, in order."""
    (folder / "test_some.py").write_text(TESTS)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOSTMON_TESTS": draws}
    environment.pop("CI", None)
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-sq", *options, "."],
        cwd=folder,
        env=environment | ({"CI": ci} if ci is not None else {}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    lines = [line.lstrip(".") for line in found.stdout.splitlines()]
    return [line for line in lines if line.startswith(("number", "example"))]


def of(what: str, lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(what)]


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return drawn(tmp_path_factory.mktemp("same"), "same")


def test_a_run_draws_what_the_last_drew(same: list[str], tmp_path: Path) -> None:
    assert len(of("number", same)) == 12
    assert len(of("example", same)) > 50
    assert drawn(tmp_path, "same") == same


@pytest.mark.parametrize("ci", [None, "true"])
def test_a_search_draws_anew(same: list[str], tmp_path: Path, ci: str | None) -> None:
    found = drawn(tmp_path, "search", ci=ci)
    for what in ("number", "example"):
        assert of(what, found) != of(what, same)


def test_a_seed_may_be_chosen_or_nothing_shuffled(same: list[str], tmp_path: Path) -> None:
    assert of("number", drawn(tmp_path, "same", "--randomly-seed=5")) != of("number", same)
    ordered = of("number", drawn(tmp_path, "same", "-p", "no:randomly"))
    assert [line.split()[1] for line in ordered] == [str(number) for number in range(12)]
