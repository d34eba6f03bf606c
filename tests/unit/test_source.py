"""The sources themselves: ruff, mypy strict, how long they are, a stub beside every extension."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
MAX_FUNCTION = 60
CODE = [
    path
    for folder in ("hostmon", "ext", "drivers", "tests", "bench", "deploy")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".pyx", ".pxd", ".pxi", ".pyi"}
]


def run(*command: str, **env: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, env=env or None
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff() -> None:
    run("ruff", "check", "--quiet", ".")


def test_ruff_format() -> None:
    run("ruff", "format", "--check", "--quiet", ".")


@pytest.mark.timeout(300)
def test_mypy_strict(tmp_path: Path) -> None:
    # The drivers are installed under another name than their folder's: mypy needs to see it.
    (tmp_path / "hostmon_drivers").symlink_to(ROOT / "drivers")
    run(
        "mypy", "--cache-dir", str(ROOT / ".mypy_cache"),
        "hostmon", "bench", "tests", str(tmp_path / "hostmon_drivers"),
        MYPYPATH=str(tmp_path), PATH="/usr/bin:/bin",
    )  # fmt: skip


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_is_short_enough(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES, f"over {MAX_LINES} lines: split it"


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a Python source, and its lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def compiled_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a Cython source, which ends before the next line of no more indentation."""
    lines = path.read_text().splitlines()
    for first, line in enumerate(lines):
        begins = re.match(r"( *)c?p?def (?!enum|struct|extern|class)[^=(]*?(\w+)\(", line)
        if not begins:
            continue
        last = first
        for number, text in enumerate(lines[first + 1 :], first + 1):
            indentation = len(text) - len(text.lstrip())
            if text.strip() and indentation <= len(begins[1]) and text.strip()[0] != ")":
                break
            last = number if text.strip() else last
        yield begins[2], last - first + 1


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_are_short_enough(path: Path) -> None:
    found = functions(path) if path.suffix in {".py", ".pyi"} else compiled_functions(path)
    long = {name: lines for name, lines in found if lines > MAX_FUNCTION}
    assert not long, f"over {MAX_FUNCTION} lines: split them"


def test_functions_of_compiled_code_are_found() -> None:
    found = dict(compiled_functions(ROOT / "tests" / "native" / "firing.pyx"))
    assert set(found) == {"c_text", "fire", "fire_of_device", "fire_graphics", "fire_parameters"}
    assert found["c_text"] == 5


@pytest.mark.parametrize("path", sorted((ROOT / "ext").glob("*.pyx")), ids=lambda p: p.name)
def test_extension_has_a_stub(path: Path) -> None:
    assert (ROOT / "hostmon" / f"_{path.stem}.pyi").exists()
