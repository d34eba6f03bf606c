"""Running the inner part of a bench in a lab node."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lab.inside import Inside
from tests.lab.node import Node

ROOT = Path(__file__).resolve().parents[2]


def command(module: str, *arguments: object) -> list[str]:
    """The command line of ``bench.inside.MODULE``, wherever it is started."""
    return [
        "env", f"PYTHONPATH={ROOT}", f"HOME={os.environ.get('HOME', '/')}",
        sys.executable, "-m", f"bench.inside.{module}", *map(str, arguments),
    ]  # fmt: skip


def run_inside(node: Node, module: str, *arguments: object, deadline_s: float = 900.0) -> Any:
    """The JSON that the inner part printed; RuntimeError with its errors."""
    return json.loads(node.run(*command(module, *arguments), deadline_s=deadline_s).stdout)


def inside(node: Node, module: str) -> Inside:
    """The inner part, running, to be spoken to by its standard input and output."""
    return node.popen(*command(module), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
