"""libvirt's modular daemons, each killed and started again alone: the same invariant holds."""

import functools
from collections.abc import Iterator

import pytest

from tests.fault.figures import tell
from tests.fault.injected.modular import kill_and_restart
from tests.fault.registry import put_through, sizes_of
from tests.fault.stage import Stage
from tests.lab.modular import BUILT, DAEMONS, HYPERVISOR, ModularNode, built
from tests.lab.node import missing


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
@pytest.mark.timeout(300)
@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_daemon_restarted_alone(stage: Stage, daemon: str, full: bool) -> None:
    times = 20 if full else 3
    stage.active(2)
    outcome = stage.survive(functools.partial(kill_and_restart, daemon=daemon, times=times))
    expected = ["down", "up"] * times if daemon == HYPERVISOR else []
    assert outcome.connections == expected
    if daemon != HYPERVISOR:
        assert (outcome.alignment.missed, outcome.resyncs) == (0, [])
    tell("modular", **outcome.figures())


@pytest.mark.fault("modular")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["libvirtd-killed", "libvirtd-restarted", "libvirtd-stopped"])
def test_what_is_survived_of_libvirtd_is_of_virtqemud(stage: Stage, name: str, full: bool) -> None:
    outcome = put_through(stage, name, sizes_of(name, full=full))
    assert outcome.connections == ["down", "up"] * int(outcome.own.get("restarts", 1))
