"""The samplers on real guests: values beside libvirt's, and a stuck guest that harms no other."""

import pytest

from bench.front import Options
from bench.sampling import run as run_sampling
from bench.stuck import run as run_stuck
from tests.lab.node import missing

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
    pytest.mark.timeout(300),
]


def test_every_value_agrees_with_libvirts() -> None:
    found = {result.metric: result for result in run_sampling(Options(guests=6), rounds=2)}
    assert found["mismatches"].ours == 0
    assert found["compared"].ours >= 3 * 3 * 16
    assert found["running"].ours == 3
    assert (found["wall"].ratio or 0) > 20
    assert (found["cpu"].ratio or 0) > 20


def test_a_stuck_guest_ages_alone_and_comes_back() -> None:
    """An agent that is scraped; libvirt is asked every 2 s, and given up after as long."""
    made = run_stuck(Options(guests=6), watched_s=8, stops=1)
    found = {result.metric: result.ours for result in made}
    assert found["marked"] == 1
    assert found["compared"] >= 2 * 2
    assert found["others_age"] < 6
    assert found["slowest"] < 2
    assert found.get("peer_hang", 10) > 8
    assert found["recovery"] < 10
