"""The sources themselves: ruff, mypy strict, file lengths, a stub beside every extension."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
CODE = [
    path
    for folder in ("hostmon", "ext", "drivers", "tests", "bench", "deploy")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".pyx", ".pxd", ".pyi"}
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


@pytest.mark.parametrize("path", sorted((ROOT / "ext").glob("*.pyx")), ids=lambda p: p.name)
def test_extension_has_a_stub(path: Path) -> None:
    assert (ROOT / "hostmon" / f"_{path.stem}.pyi").exists()
