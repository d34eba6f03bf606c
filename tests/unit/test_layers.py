"""A module imports only from a lower rank: reads every import and fails on a breach."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A package stands for everything below it; an extension's rank is that of what it is for. Within
# rank 0 the names and errors stand below the types that use them, within rank 3 the Host and the
# loader below the plug points that act through them.
# fmt: off
RANKS = {
    0: {"__init__", "account", "errors", "kinds", "numbers", "printable", "suggest"},
    0.5: {"events", "settings", "samples", "status"},
    1: {"xml", "machine", "wire", "driver", "metrics", "scrape", "logs", "libvirt_errors", "keys"},
    1.5: {"publisher"},
    2: {"facts", "verify", "guest", "images", "capabilities", "claims", "eventloop", "memory",
        "together", "client", "gate", "journal", "roster"},
    2.5: {"host", "loader"},
    3: {"points", "labels", "scheduler", "records", "answers", "definitions", "hypervisor"},
    3.5: {"disposable", "rhythm"},
    4: {"sampler", "stats", "deaths", "ledger", "audit", "exposition", "dispatcher", "keeper",
        "supervisor", "requests", "objects", "own_metrics", "imagecache"},
    4.5: {"bookkeeper"},
    4.7: {"figures"},
    5: {"agent", "testing"},
    6: {"cli", "web"},
    7: {"__main__"},
}
# fmt: on
RANK_OF = {name: rank for rank, names in RANKS.items() for name in names}
NO_SETTINGS = {"host", "guest", "xml"}
DRIVERS_MAY_IMPORT_RANK = 3


def module_key(path: Path) -> str:
    """hostmon/xml/disk.py and hostmon/xml.py are both "xml"."""
    return path.relative_to(ROOT / "hostmon").with_suffix("").parts[0]


def imported(path: Path) -> Iterator[str]:
    """The hostmon modules that one source imports, as top-level keys."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            module = node.module or ""
            names = (
                [f"{module}.{alias.name}" for alias in node.names]
                if module == "hostmon"
                else [module]
            )
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "hostmon_drivers":
                yield "hostmon_drivers"
            elif parts[0] == "hostmon" and len(parts) > 1:
                yield parts[1]


SOURCES = sorted((ROOT / "hostmon").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_imports_only_lower_ranks(path: Path) -> None:
    key = module_key(path)
    assert key in RANK_OF, f"{path.name}: give it a rank in RANKS"
    for name in imported(path):
        assert name != "hostmon_drivers", f"{path.name} imports a driver"
        if name.startswith("_") and not name.startswith("__"):
            continue  # a compiled extension: below its façade
        if name in RANK_OF and name != key:
            assert RANK_OF[name] < RANK_OF[key], f"{path.name} imports {name}, of no lower rank"
        assert not (key in NO_SETTINGS and name == "settings"), f"{path.name} reads settings"


@pytest.mark.parametrize("path", sorted((ROOT / "drivers").rglob("*.py")), ids=str)
def test_drivers_import_rank_three_at_most(path: Path) -> None:
    for name in imported(path):
        assert RANK_OF.get(name, 0) <= DRIVERS_MAY_IMPORT_RANK, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "drivers").rglob("*.py")), ids=str)
def test_a_driver_needs_no_other_driver(path: Path) -> None:
    """Its folder holds all that is its own: deleted with its entry point, nothing misses it."""
    own = path.relative_to(ROOT / "drivers").parts[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hostmon_drivers"):
            assert (node.module or "").split(".")[1] == own, f"{path.name} imports {node.module}"
