"""A driver that fails with every event of a flood leaves a few lines in the log."""

import pytest

from hostmon.supervisor.complaints import Complaints


def test_lines_are_bounded_and_what_is_left_out_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    complaints = Complaints("journal", clock=lambda: now[0])
    for tick in range(25_000):  # 25 s of a thousand a second
        now[0] = tick / 1000
        complaints.add("no space" if tick < 24_000 else f"other {tick % 2}")
    assert caplog.messages == [
        "driver journal: an event failed: no space",
        "driver journal: an event failed: no space (and 9999 others since the last line)",
        "driver journal: an event failed: no space (and 9999 others since the last line)",
        "driver journal: an event failed: other 0 (and 3999 others since the last line)",
    ]
