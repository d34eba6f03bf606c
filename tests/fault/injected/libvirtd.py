"""Faults of libvirtd, and of the agent as libvirtd sees it."""

import os
import signal
import time
from collections.abc import Mapping

from tests.fault.churn import Churn
from tests.fault.figures import Value
from tests.fault.registry import fault
from tests.fault.stage import Stage


@fault("libvirtd-killed", soak={})
def kill_libvirtd_and_a_guest(stage: Stage) -> Mapping[str, Value]:
    """libvirtd dies, and a guest's QEMU while nobody watches."""
    victim = stage.active(1)[0]
    pid = stage.node.qemu_pid(victim)
    stage.node.kill_libvirtd()
    os.kill(pid, signal.SIGKILL)
    stage.node.start_libvirtd()
    return {"victim": victim}


@fault("libvirtd-restarted", quick={"times": 3}, full={"times": 50}, soak={"times": 2})
def restart_libvirtd(stage: Stage, *, times: int) -> Mapping[str, Value]:
    """libvirtd is killed, or ended, over and over under clients that never stop."""
    slowest = 0.0
    with Churn(stage.node, stage.churned, seed=times) as churn:
        for turn in range(times):
            stage.node.restart_libvirtd(signal.SIGTERM if turn % 2 else signal.SIGKILL)
            back = time.monotonic()
            stage.fence()
            # Killed before it is announced, a connection has neither begun nor ended.
            stage.connected()
            slowest = max(slowest, time.monotonic() - back)
    return {"restarts": times, "changes": churn.operations, "slowest_return_s": slowest}


@fault("libvirtd-stopped", quick={"seconds": 5}, full={"seconds": 60}, soak={"seconds": 8})
def stop_libvirtd(stage: Stage, *, seconds: float) -> Mapping[str, Value]:
    """libvirtd keeps its sockets and answers nothing."""
    with Churn(stage.node, stage.churned, seed=1) as churn:
        stage.node.freeze_libvirtd()
        time.sleep(seconds)
        stage.node.thaw_libvirtd()
        stage.fence()
    return {"stopped_s": seconds, "changes": churn.operations}


@fault("agent-stopped", quick={"seconds": 1.5}, full={"seconds": 20}, soak={"seconds": 1.5})
def stop_agent(stage: Stage, *, seconds: float) -> Mapping[str, Value]:
    """The agent stands still while guests change: shorter than libvirtd's patience."""
    pid = stage.agent.process.pid
    with Churn(stage.node, stage.churned, seed=2) as churn, stage.scraper.excused():
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
    return {"stopped_s": seconds, "changes": churn.operations}


@fault("agent-dropped", quick={"seconds": 6}, full={"seconds": 60}, soak={"seconds": 7})
def stop_agent_for_long(stage: Stage, *, seconds: float) -> Mapping[str, Value]:
    """The agent stands still for so long that libvirtd's keepalive gives it up."""
    return stop_agent(stage, seconds=seconds)
