"""libvirt's modular daemons, each killed and started again alone: the same invariant holds."""

import functools
import time
from collections.abc import Iterator
from typing import cast

import pytest

from hostmon.objects import OBJECTS_S
from tests.agent_process import wait_for
from tests.fault.figures import tell
from tests.fault.injected.modular import kill_and_restart
from tests.fault.registry import put_through, sizes_of
from tests.fault.stage import Stage
from tests.lab.modular import BUILT, DAEMONS, HYPERVISOR, ModularNode, built
from tests.lab.node import missing

OBJECTS_OF = {
    "virtnetworkd": ("network", "net", "<network><name>n</name></network>"),
    "virtstoraged": (
        "pool", "pool",
        "<pool type='dir'><name>n</name><target><path>/run</path></target></pool>",
    ),
}  # fmt: skip
"""The daemons that a host's networks and pools are asked of, by way of virtqemud; of each the kind
of its events, what virsh's commands for its objects begin with, and such an object."""
LOOKS_S = 2.5 * OBJECTS_S
"""Time for two looks: the first one after a daemon ended finds that it did."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    reason = missing() or (
        "" if built() else f"{BUILT} names no daemons: ./tests/modular builds them"
    )
    if reason:
        pytest.skip(reason)
    with Stage.create(tmp_path_factory.mktemp("modular"), host=ModularNode) as made:
        yield made


@pytest.mark.fault("modular")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_daemon_restarted_alone(stage: Stage, daemon: str, full: bool) -> None:
    times = 20 if full else 3
    stage.active(2)
    wait_for(lambda: all_read_since(stage, 0.0), LOOKS_S)
    outcome = stage.survive(functools.partial(kill_and_restart, daemon=daemon, times=times))
    if daemon == HYPERVISOR:
        assert outcome.connections == ["down", "up"] * times
    elif daemon not in OBJECTS_OF or not outcome.connections:  # two looks may lie in its time
        assert outcome.connections == []
        assert (outcome.alignment.missed, outcome.resyncs) == (0, [])
    if daemon in OBJECTS_OF:
        ended = time.monotonic()
        wait_for(lambda: all_read_since(stage, ended), LOOKS_S)
        assert events_come(stage, *OBJECTS_OF[daemon])
    tell("modular", **outcome.figures())


@pytest.mark.timeout(600)
def test_a_daemon_that_was_away_when_the_agent_connected(stage: Stage) -> None:
    node = cast("ModularNode", stage.node)
    node.kill_daemon("virtstoraged")
    node.kill_daemon(HYPERVISOR)
    node.start_daemon(HYPERVISOR)
    stage.fence()
    stage.connected()
    node.start_daemon("virtstoraged")
    assert events_come(stage, *OBJECTS_OF["virtstoraged"])
    stage.begin()


def events_come(stage: Stage, kind: str, prefix: str, xml: str) -> bool:
    """Wait until an object of a kind is defined and undefined, and both events have come."""
    (stage.node.root / "run/object.xml").write_text(xml)
    counter = f'hostmon_events_total{{kind="{kind}"}}'

    def come() -> bool:
        before = stage.agent.metrics().get(counter, 0)
        stage.node.virsh(f"{prefix}-define /run/object.xml; {prefix}-undefine n")
        until = time.monotonic() + 1
        while time.monotonic() < until:
            if stage.agent.metrics().get(counter, 0) == before + 2:
                return True
            time.sleep(0.02)
        return False

    wait_for(come, LOOKS_S)
    stage.connected()
    return stage.disagreement() == []


def all_read_since(stage: Stage, then: float) -> bool:
    """Whether networks and pools were looked at since then, of CLOCK_MONOTONIC, and none unread."""
    since = time.monotonic() - then
    told = stage.agent.metrics()
    age = told.get("hostmon_host_objects_age_seconds")
    return age is not None and age < since and told["hostmon_host_objects_unread"] == 0


@pytest.mark.fault("modular")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["libvirtd-killed", "libvirtd-restarted", "libvirtd-stopped"])
def test_what_is_survived_of_libvirtd_is_of_virtqemud(stage: Stage, name: str, full: bool) -> None:
    outcome = put_through(stage, name, sizes_of(name, full=full))
    assert outcome.connections == ["down", "up"] * int(outcome.own.get("restarts", 1))
