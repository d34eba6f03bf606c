"""A module imports only from a lower rank: reads imports and cimports, and fails on a breach."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A package stands for everything below it; an extension's rank is that of what it is for. Within
# rank 0 the names and errors stand below the types that use them, within rank 3 the Host and the
# loader below the plug points that act through them. Extensions know the words of rank 0 alone.
# fmt: off
RANKS = {
    0: {"__init__", "account", "errors", "kinds", "numbers", "printable", "suggest",
        "toml"},
    0.3: {"typed"},
    0.5: {"choices", "events", "settings", "samples", "status"},
    0.7: {"_history", "_hosts", "_ledger", "_loop", "_pipe", "_trim"},
    0.8: {"_callbacks", "_grants", "_table"},
    0.85: {"_deaths"},
    0.9: {"_columns", "_dispatcher", "_exposition", "_plan", "_roster", "_sampler", "_stats"},
    1: {"xml", "machine", "wire", "driver", "metrics", "scrape", "logs", "libvirt_errors", "keys",
        "memory", "grace"},
    1.5: {"publisher", "stalled"},
    1.7: {"door"},
    2: {"facts", "verify", "guest", "images", "capabilities", "claims", "eventloop",
        "together", "client", "gate", "journal", "roster", "granting", "process_metrics",
        "snapshots"},
    2.5: {"host", "loader"},
    3: {"points", "labels", "scheduler", "records", "answers", "definitions", "hypervisor"},
    3.5: {"attendant", "disposable", "held", "rhythm"},
    4: {"sampler", "stats", "deaths", "ledger", "audit", "exposition", "dispatcher", "keeper",
        "supervisor", "requests", "objects", "own_metrics", "imagecache"},
    4.5: {"bookkeeper", "lister"},
    4.7: {"figures", "reading"},
    5: {"agent", "testing"},
    6: {"cli", "web"},
    7: {"__main__"},
}
# Declaration files of ext/, each under what it is for; they cimport of their own kind, without a
# circle, or of a lower rank: the kernel's readers know nothing of the bus, the ledger of no guest.
EXT_RANKS = {
    "language": (0, {"arena", "clock", "digits", "kinds", "libvirt", "libvirtstats", "lifecycle",
                     "msgpack", "mutex", "names", "poll", "record", "textfile", "uuidmap",
                     "zmqapi"}),
    "pipe": (1, {"batch", "deaths", "draft", "pipe"}),
    "ledger": (1, {"claims", "copied", "follow", "granting", "grants", "ledger", "sums"}),
    "table": (2, {"devices", "rows", "table", "view"}),
    "kernel": (3, {"cgroup", "commit", "links", "process", "procstat", "quota", "reading",
                   "watch"}),
    "statistics": (3, {"absorb", "fields", "params", "singles", "still"}),
    "exposition": (3, {"lines", "page", "replace", "scopes", "sheet"}),
    "bus": (3, {"announce", "encoder", "history", "outlet", "packing", "peers", "ring"}),
    "dispatcher": (4, {"apply", "books", "chain", "ended", "numbering", "rest", "settle",
                       "standing", "tally", "wanted"}),
}
# fmt: on
EXT_KIND_OF = {name: kind for kind, (_, names) in EXT_RANKS.items() for name in names}
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


SOURCES = sorted([*(ROOT / "hostmon").rglob("*.py"), *(ROOT / "hostmon").rglob("*.pyi")])
EXT = sorted(path for path in (ROOT / "ext").iterdir() if path.suffix in {".pyx", ".pxd", ".pxi"})


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_imports_only_lower_ranks(path: Path) -> None:
    key = module_key(path)
    assert key in RANK_OF, f"{path.name}: give it a rank in RANKS"
    for name in imported(path):
        assert name != "hostmon_drivers", f"{path.name} imports a driver"
        if name in RANK_OF and name != key:
            assert RANK_OF[name] < RANK_OF[key], f"{path.name} imports {name}, of no lower rank"
        assert not (key in NO_SETTINGS and name == "settings"), f"{path.name} reads settings"


def named(path: Path, pattern: str) -> set[str]:
    """What a pattern finds in the code of an ext/ source, docstrings aside."""
    code = re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
    return set(re.findall(pattern, code, re.MULTILINE))


@pytest.mark.parametrize("path", EXT, ids=lambda p: p.name)
def test_compiled_code_imports_only_lower_ranks(path: Path) -> None:
    """Declarations and included parts, which no extension owns, keep to the words of rank 0."""
    modules = named(path, r"^\s*from hostmon\.(\w+) import")
    for names in named(path, r"^\s*from hostmon import ([\w, ]+)$"):
        modules |= set(names.replace(" ", "").split(","))
    rank = (
        RANK_OF[f"_{path.stem}"]
        if path.suffix == ".pyx"
        else min(rank for name, rank in RANK_OF.items() if name[0] == "_" != name[1])
    )
    for name in modules:
        assert RANK_OF[name] < rank, f"{path.name} imports {name}, of no lower rank"


def cimported(path: Path) -> set[str]:
    """The declaration files of ours that a source of ext/ cimports."""
    found = named(path, r"^\s*from (\w+) cimport") | named(path, r"^\s*cimport (\w+)")
    return found - {"cpython", "cython", "libc", "posix"}


PXD = [path for path in EXT if path.suffix == ".pxd"]


@pytest.mark.parametrize("path", PXD, ids=lambda p: p.name)
def test_declarations_cimport_their_own_kind_or_a_lower_rank(path: Path) -> None:
    assert path.stem in EXT_KIND_OF, f"{path.name}: give it a place in EXT_RANKS"
    own = EXT_KIND_OF[path.stem]
    for name in cimported(path):
        kind = EXT_KIND_OF[name]
        assert kind == own or EXT_RANKS[kind][0] < EXT_RANKS[own][0], (
            f"{path.name}, of {own}, cimports {name}, of {kind}"
        )


def test_declarations_cimport_in_no_circle() -> None:
    left = {path.stem: cimported(path) for path in PXD}
    while free := {name for name, needs in left.items() if not needs & set(left)}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert not left, f"these cimport one another: {sorted(left)}"


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
