"""How long the keeper waits while there is nothing to ask, and how it tells that it is cut off."""

import os
import select
from types import SimpleNamespace
from typing import Any

import pytest

from hostmon.errors import NotConnectedError
from hostmon.keeper import PLACE_AGAIN, PLACE_SELDOM, Keeper
from hostmon.settings import ConnectionSettings


class Waits:
    """Stands for the keeper's poll: notes each wait in seconds, and ends the keeper after some."""

    def __init__(self, most: int) -> None:
        self.noted: list[float] = []
        self.most = most
        self.keeper: Keeper | None = None

    def register(self, *_: object) -> None:
        """Whatever it is."""

    def poll(self, wait_ms: float) -> None:
        assert self.keeper is not None
        self.noted.append(wait_ms / 1000)
        self.keeper._stop = len(self.noted) == self.most


def waits(monkeypatch: pytest.MonkeyPatch, placed: bool, wanted: dict[int, Any]) -> list[float]:
    """Twelve waits of a keeper, with what is wanted after some of them."""
    noted = Waits(12)
    monkeypatch.setattr(select, "poll", lambda: noted)
    connection: Any = SimpleNamespace(guests=list, marks=tuple)
    dispatcher = SimpleNamespace(
        lost_records=0, wanted_fd=0, take_wanted=lambda: wanted.get(len(noted.noted), [])
    )
    made: list[Any] = [
        None, "fake:///", ConnectionSettings(), SimpleNamespace(put=lambda _: True), dispatcher,
        SimpleNamespace(place=lambda: placed),
    ]  # fmt: skip
    noted.keeper = Keeper(*made)
    noted.keeper._serve(connection)
    return noted.noted


def test_it_wakes_ever_less_for_a_guest_that_gets_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    found = waits(monkeypatch, False, {})
    assert found[:4] == pytest.approx([PLACE_AGAIN * 2**n for n in range(4)])
    assert found[-2:] == [PLACE_SELDOM] * 2


def test_news_of_guests_have_it_try_soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found = waits(monkeypatch, False, {6: None})
    assert found[5:8] == pytest.approx([32 * PLACE_AGAIN, PLACE_AGAIN, 2 * PLACE_AGAIN])


def test_otherwise_it_waits_until_it_has_to_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    assert min(waits(monkeypatch, True, {})) > ConnectionSettings().refresh - 5


def test_the_end_of_a_connection_is_told_after_the_last_that_came_of_it() -> None:
    """What was under way comes while it is closed; after the mark it would look complete."""
    told: list[str] = []
    pipe = SimpleNamespace(put=lambda _: told.append("mark"))
    made: list[Any] = [
        SimpleNamespace(name="fake"), "fake:///", ConnectionSettings(), pipe, SimpleNamespace(),
        SimpleNamespace(),
    ]  # fmt: skip
    keeper = Keeper(*made)
    connection: Any = SimpleNamespace(close=lambda: told.append("event"))
    keeper._connection = connection
    keeper._down("gone")
    keeper._down("gone still")
    assert told == ["event", "mark"]


def test_a_connection_that_hears_no_more_of_networks_is_given_up() -> None:
    """Asked when networks and pools could be listed elsewhere, and only then."""
    heard = [True, False]
    connection: Any = SimpleNamespace(guests=list, marks=tuple, hears_objects=lambda: heard.pop(0))
    dispatcher = SimpleNamespace(lost_records=0, wanted_fd=0, take_wanted=list)
    made: list[Any] = [
        None, "fake:///", ConnectionSettings(), SimpleNamespace(put=lambda _: True), dispatcher,
        SimpleNamespace(place=lambda: True),
    ]  # fmt: skip
    keeper = Keeper(*made)
    dispatcher.wanted_fd = keeper._wake_fd
    turns = iter([keeper.check_objects, lambda: None, keeper.check_objects])

    def wanted() -> list[bytes]:
        assert len(heard) < 2, "asked already"
        next(turns)()
        os.eventfd_write(keeper._wake_fd, 1)
        return []

    dispatcher.take_wanted = wanted
    keeper.check_objects()
    with pytest.raises(NotConnectedError, match="no events of networks and storage pools"):
        keeper._serve(connection)
    assert heard == []
