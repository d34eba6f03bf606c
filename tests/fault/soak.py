"""``tests/soak``: every fault at full size, then faults at random while guests churn.

A random fault strikes at a random moment of the churn, at a random size; after each the invariant
of tests/fault/stage.py is checked. The first that breaks it ends the soak with exit code 1. The
seed is printed: the same one chooses the same faults, moments and sizes. What could not be injected
here is listed with the reason; that fails where it was asked for, and where it is everything.
"""

import argparse
import json
import os
import random
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fault import figures
from tests.fault.baseline import Allowance, exceeded, rested
from tests.fault.churn import Churn
from tests.fault.injected import FAULTS
from tests.fault.registry import Fault, Sizes
from tests.fault.stage import Stage
from tests.fault.summary import Figures, summary, summary_lines
from tests.lab.node import missing

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 30.0
LEAST_S = 60.0
"""Random faults get so long at least, however long the named ones took."""

GUESTS = 8
PAUSE_S = 2.0
"""The churn runs for a random part of this before a fault and after it."""

DOCUMENTED = re.compile(r"(?m)^\| `([\w-]+)` \| (.*?) \|")


def documented() -> dict[str, str]:
    """Every fault's name and what is done, by docs/faults.md."""
    return dict(DOCUMENTED.findall((ROOT / "docs/faults.md").read_text()))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; exits with 2 on a wrong one."""
    parser = argparse.ArgumentParser("soak", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("minutes", nargs="?", type=float, default=MINUTES, help="default: 30")
    parser.add_argument("--list", action="store_true", help="name the faults, and end")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this fault")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(arguments)
    for name in options.only:
        if name not in documented():
            parser.error(f"--only {name}: no such fault; --list names them")
    if options.minutes <= 0:
        parser.error(f"{options.minutes:g} minutes: give more than 0")
    return options


@dataclass
class Named:
    """What the tests of named faults came to: figures, tests that failed, and by fault why not."""

    figures: list[Figures] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    injected: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)

    def end(self, name: str, why_not: str) -> None:
        """One test of a fault has ended; ``why_not`` is empty where it ran."""
        if why_not:
            self.skipped[name] = why_not
        else:
            self.injected.add(name)


def run_named(only: Sequence[str]) -> Named:
    """Run the tests of named faults at full size, of all without names."""
    found = Named()
    with tempfile.TemporaryDirectory() as folder:
        collected, ended = Path(folder) / "figures", Path(folder) / "ended"
        collected.touch()
        ended.touch()
        with subprocess.Popen(
            [
                sys.executable, "-m", "pytest", "tests/fault", "-s", "-q", "-p", "no:randomly",
                "--timeout=1800",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "HOSTMON_FAULTS": "full",
                "HOSTMON_FAULT_ONLY": ",".join(only),
                figures.COLLECTED: str(collected),
                figures.ENDED: str(ended),
            },
        ) as process:  # fmt: skip
            assert process.stdout is not None
            for line in process.stdout:  # the dots of tests that passed stand before a line
                print(line.rstrip("\n").lstrip("."), flush=True)
                if line.startswith(("FAILED ", "ERROR ")):
                    found.failed.append(line.split()[1])
        if process.returncode != 0 and not found.failed:
            found.failed.append(f"pytest itself, with exit code {process.returncode}")
        found.figures = [json.loads(line) for line in collected.read_text().splitlines()]
        for line in ended.read_text().splitlines():
            found.end(*json.loads(line))
    return found


def lacking(named: Named, only: Sequence[str]) -> list[str]:
    """The faults that were asked for, and of which no test ran."""
    return [name for name in only if name not in named.injected]


def at_random(sizes: Sizes, chance: random.Random) -> dict[str, float]:
    """A count up to this one, a time around this one."""
    return {
        name: chance.randint(1, size) if isinstance(size, int) else size * chance.uniform(0.5, 1.5)
        for name, size in sizes.items()
    }


class RandomFaults:
    """One stage, put through one fault after another."""

    def __init__(self, stage: Stage, faults: Sequence[Fault], chance: random.Random) -> None:
        self._stage = stage
        self._faults = faults
        self._chance = chance

    def strike(self) -> Figures:
        """One fault amid the churn; raises AssertionError where the invariant breaks."""
        chance = self._chance
        fault = chance.choice(self._faults)
        sizes = at_random(fault.soak or {}, chance)
        before_s, after_s, seed = (
            chance.uniform(0, PAUSE_S),
            chance.uniform(0, PAUSE_S),
            chance.randrange(1 << 32),
        )
        self._stage.active(int(sizes.get("count", 1)) + 1)

        def amid_churn(stage: Stage) -> Mapping[str, figures.Value]:
            with Churn(stage.node, stage.churned, seed):
                time.sleep(before_s)
                own = fault.inject(stage, **sizes)
                time.sleep(after_s)
            return own

        outcome = self._stage.survive(amid_churn)
        return {"fault": fault.name, **outcome.figures()}

    def run(self, until: float) -> tuple[list[Figures], str]:
        """Strike until then; the figures, and what went wrong, empty for nothing."""
        done: list[Figures] = []
        pid = self._stage.agent.process.pid
        before = None
        while time.monotonic() < until:
            try:
                done.append(self.strike())
            except (AssertionError, TimeoutError, OSError, RuntimeError) as error:
                log = self._stage.agent.log.read_text()[-4000:]
                return done, f"{type(error).__name__}: {error}\nthe agent's log ends:\n{log}"
            shown = ", ".join(
                f"{k} {figures.shown(v)}" for k, v in done[-1].items() if k != "fault"
            )
            print(f"{max(0.0, until - time.monotonic()):.0f} s left: {done[-1]['fault']}: {shown}")
            sys.stdout.flush()
            before = before or rested(pid)  # after the first: its code is loaded by then
        wrong = exceeded(before, rested(pid), Allowance()) if before else ""
        return done, wrong and f"at the end the agent holds more than after the first: {wrong}"


def run_random(only: Sequence[str], seed: int, until: float) -> tuple[list[Figures], str]:
    """Random faults on a stage of their own."""
    faults = [one for one in FAULTS.values() if one.soak is not None]
    faults = [one for one in faults if not only or one.name in only]
    if not faults:
        return [], ""
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage.create(Path(folder), guests=GUESTS) as stage,
    ):
        return RandomFaults(stage, faults, chance).run(until)


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where the invariant held, 1 where not, 2 for wrong usage or no lab here.

    1 also where what was asked for was not injected.
    """
    options = parse(arguments)
    if options.list:
        for name, done in documented().items():
            known = FAULTS.get(name)
            print(
                f"{name}{' (also at random)' if known and known.soak is not None else ''}: {done}"
            )
        return 0
    if reason := missing():
        print(f"soak: {reason}", file=sys.stderr)
        return 2
    began = time.monotonic()
    print(f"soak: {options.minutes:g} minutes, seed {options.seed}", flush=True)
    named = run_named(options.only)
    until = max(began + 60 * options.minutes, time.monotonic() + LEAST_S)
    struck, wrong = run_random(options.only, options.seed, until)
    result: dict[str, Any] = {
        "seed": options.seed,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "held": bool(named.injected or struck)
        and not (named.failed or wrong or lacking(named, options.only)),
        "failed": named.failed,
        "violation": wrong,
        "skipped": named.skipped,
        "lacking": lacking(named, options.only),
        "summary": summary(named.figures, struck),
        "named": named.figures,
        "random": struck,
    }
    for line in summary_lines(result):
        print(line)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if result["held"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
