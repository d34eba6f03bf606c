"""Guests that hang, and die of it: everybody else's events come as if nothing had happened."""

import pytest

from tests.fault import injected  # noqa: F401  (registers the faults)
from tests.fault.conftest import Survive


@pytest.mark.fault("qemu-stopped")
def test_one_qemu_stopped(survive: Survive) -> None:
    assert survive("qemu-stopped").connections == []


@pytest.mark.fault("qemus-stopped")
@pytest.mark.timeout(300)
def test_many_qemus_stopped(survive: Survive) -> None:
    assert survive("qemus-stopped").connections == []


@pytest.mark.fault("stuck-qemu-killed")
def test_a_stuck_qemu_killed(survive: Survive) -> None:
    outcome = survive("stuck-qemu-killed")
    ends = [e for e in outcome.lives(str(outcome.own["victim"])) if e.event == "stopped"]
    assert [(e.detail, e.origin) for e in ends] == [("failed", "live")]


@pytest.mark.fault("fifo-disk")
@pytest.mark.timeout(300)
def test_an_inactive_domain_on_a_fifo_that_another_client_holds(survive: Survive) -> None:
    assert survive("fifo-disk").connections == []


@pytest.mark.fault("slow-start")
def test_a_guest_half_way_between_its_states(survive: Survive) -> None:
    outcome = survive("slow-start")
    assert outcome.connections == []
    assert not outcome.resyncs
