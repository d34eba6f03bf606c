"""docs/faults.md names every fault that a test injects, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_fault_is_documented() -> None:
    injected = {
        name
        for path in (ROOT / "tests/fault").glob("test_*.py")
        for name in re.findall(r'mark\.fault\("([\w-]+)"\)', path.read_text())
    }
    documented = re.findall(r"(?m)^\| `([\w-]+)` \|", (ROOT / "docs/faults.md").read_text())
    assert sorted(documented) == sorted(injected)
