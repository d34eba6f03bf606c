"""docs/faults.md names every fault that a test injects, on what, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/faults.md").read_text()
TESTS = sorted((ROOT / "tests/fault").glob("test_*.py"))

ON = {
    "Stage": "host", "Node": "host", "stage": "host", "survive": "host",
    "hosted": "test driver",
    "fed_agent": "fake", "FedAgent": "fake",
}  # fmt: skip
"""What a test's agent monitors, by what the test is made with."""

Function = ast.FunctionDef | ast.ClassDef


def test_every_fault_is_documented() -> None:
    injected = {
        name
        for path in TESTS
        for name in re.findall(r'mark\.fault\("([\w-]+)"\)', path.read_text())
    }
    documented = re.findall(r"(?m)^\| `([\w-]+)` \|", TEXT)
    assert sorted(documented) == sorted(injected)


def test_what_each_is_injected_into_is_documented() -> None:
    found = {name: on for path in TESTS for name, on in injected_into(path)}
    documented = dict(re.findall(r"(?m)^\| `([\w-]+)` \|.*\| ([a-z ]+) \|$", TEXT))
    assert documented == found


def injected_into(path: Path) -> Iterator[tuple[str, str]]:
    """Each fault of a file, and what its test's agent monitors."""
    known = {one.name: one for one in ast.parse(path.read_text()).body if isinstance(one, Function)}
    for test in known.values():
        for mark in test.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                on = sorted({ON[name] for name in names(test, known, set()) if name in ON})
                assert len(on) <= 1, f"{path.name}: {test.name} is made with {on}"
                yield ast.literal_eval(mark.args[0]), (on or ["none"])[0]


def names(part: Function, known: dict[str, Function], seen: set[str]) -> set[str]:
    """Every name and argument in a part of a file, and in what else of the file it refers to."""
    found = {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
    found |= {node.arg for node in ast.walk(part) if isinstance(node, ast.arg)}
    for name in (found & known.keys()) - seen:
        seen.add(name)
        found |= names(known[name], known, seen)
    return found
