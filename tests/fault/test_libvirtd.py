"""libvirtd killed, restarted, stopped: what was missed comes as resync, nothing is lost."""

import pytest

from tests.fault import injected  # noqa: F401  (registers the faults)
from tests.fault.conftest import Survive


@pytest.mark.fault("libvirtd-killed")
def test_libvirtd_killed_while_a_guest_is_killed_too(survive: Survive) -> None:
    outcome = survive("libvirtd-killed")
    assert outcome.connections == ["down", "up"]
    found = [(e.name, e.event, e.detail) for e in outcome.resyncs]
    assert found == [(outcome.own["victim"], "stopped", "crashed")]


@pytest.mark.fault("libvirtd-restarted")
@pytest.mark.timeout(900)
def test_libvirtd_restarted_again_and_again(survive: Survive) -> None:
    outcome = survive("libvirtd-restarted")
    assert outcome.connections == ["down", "up"] * int(outcome.own["restarts"])


@pytest.mark.fault("libvirtd-stopped")
@pytest.mark.timeout(300)
def test_libvirtd_stopped_for_longer_than_keepalive_waits(survive: Survive) -> None:
    outcome = survive("libvirtd-stopped")
    assert outcome.connections == ["down", "up"]


@pytest.mark.fault("agent-stopped")
def test_agent_stopped_for_a_moment_misses_nothing(survive: Survive) -> None:
    outcome = survive("agent-stopped")
    assert outcome.connections == []
    assert outcome.alignment.missed == 0


@pytest.mark.fault("agent-dropped")
@pytest.mark.timeout(300)
def test_agent_stopped_for_so_long_that_libvirtd_drops_it(survive: Survive) -> None:
    outcome = survive("agent-dropped")
    assert outcome.connections == ["down", "up"]
