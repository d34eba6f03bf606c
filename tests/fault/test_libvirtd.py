"""libvirtd killed, restarted, stopped: what was missed comes as resync, nothing is lost."""

import os
import signal

import pytest

from tests.agent_process import wait_for
from tests.fault.figures import tell
from tests.fault.stage import Stage


@pytest.mark.fault("libvirtd-killed")
def test_libvirtd_killed_while_a_guest_is_killed_too(stage: Stage) -> None:
    victim = stage.guests[0]

    def inject(stage: Stage) -> None:
        pid = stage.node.qemu_pid(victim)
        stage.node.kill_libvirtd()
        os.kill(pid, signal.SIGKILL)
        stage.node.start_libvirtd()

    outcome = stage.survive(inject)
    assert [(e.name, e.event, e.detail) for e in outcome.resyncs] == [
        (victim, "stopped", "crashed")
    ]
    tell("libvirtd-killed", **outcome.figures())
    stage.node.virsh("start", victim)
    wait_for(lambda: not stage.disagreement())
