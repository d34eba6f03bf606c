"""A complete agent on a lab node, in a process inside it; its sockets reach outside."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostmon.client import Endpoint, status
from hostmon.errors import AgentUnreachableError
from tests.lab.node import Node, wait_for

ROOT = str(Path(__file__).resolve().parents[2])
CONFIG = """\
[bus]
events = ["ipc:///run/events.sock"]
requests = "ipc:///run/requests.sock"
[agent]
host = "{host}"
uri = "qemu:///system"
reboot_window = 0.2
[account]
vcpu_ratio = {ratio}
claim_grace = 0
"""


@contextmanager
def running_agent(node: Node, ratio: float = 16.0, more: str = "") -> Iterator[Endpoint]:
    """``hostmon run`` inside, once it knows its guests; ``more`` is further configuration."""
    config = node.root / "run/hostmon.toml"
    config.write_text(CONFIG.format(host=node.prefix, ratio=ratio) + more)
    with (node.root / "agent.log").open("wb") as log:
        process = node.popen(
            "env", f"--chdir={ROOT}", f"PYTHONPATH={ROOT}", sys.executable, "-m", "hostmon", "run",
            "--config", "/run/hostmon.toml", stdout=log, stderr=log,
        )  # fmt: skip
        endpoint = Endpoint(
            f"ipc://{node.root}/run/events.sock", f"ipc://{node.root}/run/requests.sock"
        )

        def ready() -> bool:
            try:
                return status(endpoint, 1).connection == "up"
            except AgentUnreachableError:
                return False

        try:
            wait_for(ready, "the node's agent answers")
            yield endpoint
        finally:
            process.kill()
            process.wait(10)
