"""Builds and installs the outside distribution as a stranger would, into a folder of its own."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OUTSIDE = HERE / "outside"
FROZEN = HERE / "frozen" / "hostmon_outside-1.0-py3-none-any.whl"


def pip_install(source: Path, target: Path) -> Path:
    """Install a folder or a wheel with pip, needing no network; returns ``target``."""
    if source.is_dir():
        # A build leaves files beside the sources: build from a copy.
        copy = target.parent / f"{target.name}-source"
        subprocess.run(["cp", "-r", source, copy], check=True)
        source = copy
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--no-index", "--no-build-isolation", "--target", target, source,
        ],
        check=True,
    )  # fmt: skip
    return target
