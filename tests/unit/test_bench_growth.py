"""The bench of growth: what it says of guests is theirs, and all of it."""

from pathlib import Path

import pytest

from bench.growth import kept, slope
from bench.recorded.host import record


def test_slope_is_of_the_line_through_logarithms() -> None:
    assert slope([10, 100, 1000], [30.0, 300.0, 3000.0]) == pytest.approx(1)
    assert slope([10, 1000], [5.0, 50_000.0]) == pytest.approx(2)


def test_an_agent_keeps_what_it_shows(tmp_path: Path) -> None:
    """Each guest has sixty samples, whose text is the page; the agent keeps more than that."""
    record(tmp_path, 40)
    none, some = kept(tmp_path, 0), kept(tmp_path, 40)
    assert (none.samples, some.samples) == (0, 60 * 40)
    assert some.page - none.page > 60 * 40 * 60
    assert some.anonymous - none.anonymous > some.page - none.page
    assert some.handles > none.handles
