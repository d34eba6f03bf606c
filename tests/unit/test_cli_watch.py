"""What `hostmon watch` says of an event, and of what was missed."""

import pytest

from hostmon.cli.watch import tell, text_line
from hostmon.client import Repair
from hostmon.events import DeviceAddedEvent, LostEvent
from hostmon.numbers import KindLoss


def test_what_the_agent_lost_is_shown_by_kind() -> None:
    lost = LostEvent(host="h", kinds=(KindLoss("watchdog", 1), KindLoss("io-error", 3)))
    assert text_line(lost).endswith("lost            kinds=watchdog=1 io-error=3")


def test_what_was_cut_is_marked() -> None:
    event = DeviceAddedEvent(name="web-1", dev_alias="net0", truncated=True)
    assert text_line(event).endswith("dev_alias=net0  (truncated)")
    assert "truncated" not in text_line(DeviceAddedEvent(name="web-1", dev_alias="net0"))


@pytest.mark.parametrize(
    ("repair", "text"),
    [
        (Repair("h", "gap", "replay", 7), "missed 7 events; they follow (gap)"),
        (Repair("h", "gap", "snapshot"), "missed events; the agent no longer has them (gap)"),
        (Repair("h", "gap", "nothing"), "missed events (gap)"),
        (Repair("h", "overflow", "nothing", lost=4), "missed 4 events; nobody has them (overflow)"),
    ],
)
def test_what_was_missed_is_told(
    capsys: pytest.CaptureFixture[str], repair: Repair, text: str
) -> None:
    tell(repair)
    assert capsys.readouterr().err == f"{text}\n"
