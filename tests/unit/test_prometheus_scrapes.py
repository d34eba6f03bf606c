"""Answers to scrapes: one after the other, each begun when the one before was given out."""

import asyncio
import weakref
from collections.abc import Callable
from typing import Any, cast

import pytest

from hostmon_drivers.prometheus.scrapes import Answer, Asked, Scrapes


class View:
    """Counts the pages that it gives."""

    made = 0

    def metric_pieces(self, **_asked: object) -> tuple[bytes, ...]:
        self.made += 1
        return b"page ", b"%d" % self.made


def test_no_page_is_made_before_the_one_before_was_given_out() -> None:
    async def run() -> None:
        view = View()
        scrapes = Scrapes(cast("Any", view))
        given: list[tuple[bytes, int]] = []
        for _ in range(20):
            scrapes.soon(Asked(), lambda answer: given.append((b"".join(answer.body), view.made)))
        async with asyncio.timeout(10):
            while len(given) < 20:
                await asyncio.sleep(0.001)
        assert given == [(b"page %d" % number, number) for number in range(1, 21)]
        scrapes.stop()

    asyncio.run(run())


def test_what_is_done_with_an_answer_may_fail_and_the_next_one_is_made() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        failed: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: failed.append(context))
        scrapes = Scrapes(cast("Any", View()))
        answers: list[Answer] = []

        def fail(_answer: Answer) -> None:
            raise ValueError("at fault")

        scrapes.soon(Asked(), fail)
        scrapes.soon(Asked(), answers.append)
        async with asyncio.timeout(10):
            while not answers:
                await asyncio.sleep(0.001)
        assert answers[0].body == (b"page ", b"2")
        assert isinstance(failed[0]["exception"], ValueError)
        scrapes.stop()

    asyncio.run(run())


def test_an_answer_that_cannot_be_made_is_given_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_asked: Asked) -> Answer:
        monkeypatch.undo()
        raise MemoryError

    async def run() -> None:
        scrapes = Scrapes(cast("Any", View()))
        monkeypatch.setattr(scrapes, "answer", fail)
        answers: list[Answer] = []
        scrapes.soon(Asked(), answers.append)
        scrapes.soon(Asked(), answers.append)
        async with asyncio.timeout(10):
            while len(answers) < 2:
                await asyncio.sleep(0.001)
        assert [answer.status for answer in answers] == [500, 200]
        scrapes.stop()

    asyncio.run(run())


def test_what_was_answered_is_not_kept_until_the_next() -> None:
    def asked_by(given: list[bool]) -> Callable[[Answer], None]:
        def take(_answer: Answer) -> None:
            given.append(True)

        return take

    async def run() -> None:
        scrapes = Scrapes(cast("Any", View()))
        given: list[bool] = []
        then = asked_by(given)
        kept = weakref.ref(then)
        scrapes.soon(Asked(), then)
        del then
        async with asyncio.timeout(10):
            while not given or kept() is not None:
                await asyncio.sleep(0.001)
        scrapes.stop()

    asyncio.run(run())


def test_what_goes_wrong_is_a_status(caplog: pytest.LogCaptureFixture) -> None:
    scrapes = Scrapes(cast("Any", None))
    assert scrapes.answer(Asked()).status == 500
    assert "a scrape failed" in caplog.text
    scrapes.stop()
