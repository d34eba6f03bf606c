"""Floods from a real libvirtd, a dispatcher that stands still, and events in the wrong moment."""

import pytest

from tests.fault import injected  # noqa: F401  (registers the faults)
from tests.fault.conftest import Survive


@pytest.mark.fault("define-undefine")
@pytest.mark.timeout(600)
def test_guests_defined_and_undefined_by_the_thousand(survive: Survive) -> None:
    outcome = survive("define-undefine")
    assert outcome.connections == []
    assert outcome.alignment.told >= 2 * int(outcome.own["guests"]) + int(outcome.own["changes"])
    assert outcome.alignment.missed == 0


@pytest.mark.fault("dispatcher-paused")
@pytest.mark.timeout(900)
def test_dispatcher_paused_while_libvirtd_goes_on(survive: Survive) -> None:
    outcome = survive("dispatcher-paused")
    assert outcome.connections == []
    assert outcome.alignment.told >= 2 * int(outcome.own["guests"])
