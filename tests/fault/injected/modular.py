"""Faults of libvirt's modular daemons: each ends alone, while guests and the others go on."""

import time
from collections.abc import Mapping
from typing import cast

from tests.fault.churn import Churn
from tests.fault.figures import Value
from tests.fault.stage import Stage
from tests.lab.modular import ModularNode

AWAY_S = 0.5
"""How long a daemon stays away: time for clients to run into it."""


def kill_and_restart(stage: Stage, *, daemon: str, times: int) -> Mapping[str, Value]:
    """One daemon is killed with -9 and started again, over and over, under clients that go on."""
    node = cast("ModularNode", stage.node)
    with Churn(node, stage.churned, seed=times) as churn:
        for _ in range(times):
            node.kill_daemon(daemon)
            time.sleep(AWAY_S)
            node.start_daemon(daemon)
            stage.fence()
            stage.connected()
    return {"daemon": daemon, "restarts": times, "changes": churn.operations}
