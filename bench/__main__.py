"""The benchmarks' command line: ``python -m bench NAME…``, run from the project's root.

Finds the benches, runs those named one after the other, prints and stores what they measured. It
knows nothing of what a bench does.
"""

import argparse
import ast
import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.front import Options, Result
from bench.front.environment import environment
from bench.front.show import svg, table

FOLDER = Path(__file__).parent
EPILOG = """\
Figures are medians; their spread is the first and third quartile of ours. "times better" is how
many times better ours is, whatever the unit. --json writes one object, or an array of them when
several benches are named. Exit codes: 0 measured, 1 a bench failed, 2 wrong arguments.

examples:
  python -m bench events
  python -m bench sampling --guests 100 --json sampling.json --plot charts
"""


@dataclass(frozen=True)
class Bench:
    """One bench by name, found but not imported."""

    name: str
    summary: str
    metrics: tuple[str, ...]


def benches(folder: Path = FOLDER) -> dict[str, Bench]:
    """Every bench of a folder: read from its source, so that listing needs nothing installed."""
    found = {}
    for path in sorted(folder.glob("[!_]*.py")):
        tree = ast.parse(path.read_text())
        metrics: tuple[str, ...] = next(
            (
                ast.literal_eval(statement.value)
                for statement in tree.body
                if isinstance(statement, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == "METRICS" for t in statement.targets)
            ),
            (),
        )
        summary = (ast.get_docstring(tree) or "").partition("\n")[0]
        found[path.stem] = Bench(path.stem, summary, metrics)
    return found


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure hostmon beside its peers, in one run, turn by turn.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="what to measure (see --list)")
    made.add_argument("--guests", type=int, metavar="N", help="how many guests to measure with")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    made.add_argument("--plot", type=Path, metavar="DIR", help="write a chart NAME.svg a bench")
    made.add_argument("--long", action="store_true", help="also what takes many minutes")
    made.add_argument(
        "--minutes", type=float, metavar="M", help="with --long: minutes of each part (5)"
    )
    made.add_argument("--list", action="store_true", help="list the benches and their metrics")
    return made


def measured(bench: Bench, given: argparse.Namespace) -> tuple[dict[str, Any], list[Result]]:
    """Run one bench and print what it found: its JSON object, and the results."""
    module = importlib.import_module(f"bench.{bench.name}")
    count = module.GUESTS if given.guests is None or module.GUESTS is None else given.guests
    options = Options(guests=count, long=given.long, minutes=given.minutes or Options.minutes)
    results: list[Result] = module.run(options)
    absent = set(bench.metrics) - {result.metric for result in results}
    assert not absent, f"{bench.name} did not measure {', '.join(sorted(absent))}"
    described = environment(count)
    print(f"{bench.name}: {bench.summary}")
    print(", ".join(f"{name} {value}" for name, value in described.items() if value is not None))
    for line in options.missing:
        print(f"peer {line}")
    print(table(results), flush=True)
    stored = [result.as_json() for result in results]
    return {"bench": bench.name, "environment": described, "results": stored}, results


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line names; returns the exit code."""
    found = benches()
    command = parser()
    given = command.parse_args(arguments)
    if given.list:
        for bench in found.values():
            print(f"{bench.name}: {bench.summary}\n    {', '.join(bench.metrics)}")
        return 0
    if not given.names:
        command.error(f"name a bench: {', '.join(found)}")
    if unknown := [name for name in given.names if name not in found]:
        command.error(f"no bench {', '.join(unknown)}: there are {', '.join(found)}")
    if given.guests is not None and given.guests < 1:
        command.error(f"--guests {given.guests}: give at least 1")
    if given.minutes is not None and not (given.long and 0 < given.minutes <= 60):
        command.error(f"--minutes {given.minutes:g}: give above 0, at most 60, with --long")
    objects = []
    for name in given.names:
        stored, results = measured(found[name], given)
        objects.append(stored)
        if given.plot:
            given.plot.mkdir(parents=True, exist_ok=True)
            (given.plot / f"{name}.svg").write_text(svg(name, results), encoding="utf-8")
        if given.json:  # after each, so that a later one's failure does not lose it
            whole = objects[0] if len(given.names) == 1 else objects
            given.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
