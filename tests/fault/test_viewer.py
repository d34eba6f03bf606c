"""A viewer's report travels, whatever it holds: also of a guest that nothing is known of yet."""

import math

import msgspec

from tests.fault.viewer import Report


def test_an_infinite_age_travels() -> None:
    report = Report(
        joined=True, fresh=True, epoch=1, connection="up", complete=0, events=0, resumed=0,
        disordered=0, holes=0, heartbeats=0, repairs={}, replayed=0, kinds=[], wall_s=0.0,
        oldest_s=math.inf, guests=[],
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report).oldest_s is None
