"""The journal: no repeat, no hole without a mark, whatever crashes; and its command."""

import functools
import json
import os
import random
import signal
import uuid
from pathlib import Path

import pytest

from hostmon import journal
from hostmon.errors import SettingsError
from hostmon.events import ConnectionEvent, Event, LifecycleEvent, LostEvent
from hostmon.journal import GapMark
from hostmon.kinds import CLASS_OF
from hostmon.numbers import KindLoss
from hostmon.supervisor import worker
from hostmon.typed import convert
from hostmon.wire import kind_of
from hostmon_drivers.journal.driver import JournalSettings
from tests.agent_process import agent, hostmon, wait_for
from tests.contract.conftest import Bench
from tests.contract.journaling import event, sequences, started, written
from tests.lossy import LossySubscriber


def test_a_repeat_is_left_out_and_a_hole_is_marked_where_it_is(tmp_path: Path) -> None:
    driver = started(tmp_path)
    for number in (1, 2, 2, 1, 5):
        driver.handle(event(number))
    driver.handle(ConnectionEvent(epoch=1, sequence=1, state="up", reason=""))
    driver.stop()
    lines = written(tmp_path)
    assert sequences(tmp_path) == [1, 2, 5, 1]
    mark = lines[2]
    assert isinstance(mark, GapMark)
    assert (mark.class_, mark.epoch, mark.first, mark.last) == ("lifecycle", 1, 3, 4)


def test_what_the_agent_lost_is_marked_by_class(tmp_path: Path) -> None:
    driver = started(tmp_path)
    lost = (KindLoss("watchdog", 1), KindLoss("io-error", 3), KindLoss("network", 2))
    driver.handle(LostEvent(epoch=1, sequence=1, kinds=lost))
    driver.stop()
    *marks, event = written(tmp_path)
    assert isinstance(event, LostEvent)
    assert [(m.class_, m.first, m.last, m.reason) for m in marks if isinstance(m, GapMark)] == [
        ("lifecycle", 0, 0, "the agent had no room for them: 1 watchdog, 3 io-error"),
        ("host", 0, 0, "the agent had no room for them: 2 network"),
    ]
    shown = hostmon("journal", "--directory", str(tmp_path))
    assert (
        "missing: events of class host; the agent had no room for them: 2 network" in shown.stdout
    )


def test_a_journal_that_begins_late_says_so(tmp_path: Path) -> None:
    driver = started(tmp_path)
    driver.handle(event(4))
    driver.stop()
    mark = written(tmp_path)[0]
    assert isinstance(mark, GapMark)
    assert (mark.first, mark.last) == (1, 3)


def test_after_a_crash_it_goes_on_where_it_was(tmp_path: Path) -> None:
    driver = started(tmp_path)
    driver.handle(event(1))
    driver.handle(event(2))
    driver.stop()
    with journal.files(tmp_path)[0].open("ab") as file:
        file.write(b'{"kind":"lifecycle","v":1,"seq')  # a write that a crash cut short
    driver = started(tmp_path)
    for number in (1, 2, 3):
        driver.handle(event(number))
    driver.stop()
    assert sequences(tmp_path) == [1, 2, 3]
    assert None not in written(tmp_path)


def test_a_new_epoch_is_marked_once(tmp_path: Path) -> None:
    driver = started(tmp_path)
    driver.handle(event(1))
    driver.handle(event(1, epoch=2))
    driver.handle(event(2, epoch=2))
    driver.stop()
    marks = [line for line in written(tmp_path) if isinstance(line, GapMark)]
    assert [(m.epoch, m.first, m.last, m.reason) for m in marks] == [
        (1, 2, 0, "the agent was started anew")
    ]


def test_what_is_missing_of_a_new_epoch_is_marked_too(tmp_path: Path) -> None:
    driver = started(tmp_path)
    for before in (event(1), event(2), event(500_000, epoch=2), event(500_001, epoch=2)):
        driver.handle(before)
    driver.stop()
    marks = [line for line in written(tmp_path) if isinstance(line, GapMark)]
    assert [(m.epoch, m.first, m.last, m.reason) for m in marks] == [
        (1, 3, 0, "the agent was started anew"),
        (2, 1, 499_999, "the events never arrived"),
    ]
    assert sequences(tmp_path) == [1, 2, 500_000, 500_001]


def test_positions_survive_rotation(tmp_path: Path) -> None:
    driver = started(tmp_path, file_mib=0.001)
    driver.handle(ConnectionEvent(epoch=1, sequence=1, state="up", reason=""))
    for number in range(1, 41):
        driver.handle(event(number))
    driver.stop()
    assert len(journal.files(tmp_path)) > 3
    driver = started(tmp_path, file_mib=0.001)
    driver.handle(ConnectionEvent(epoch=1, sequence=1, state="up", reason=""))
    driver.handle(event(40))
    driver.handle(event(41))
    driver.stop()
    assert sequences(tmp_path) == [1, *range(1, 42)]
    assert not [line for line in written(tmp_path) if isinstance(line, GapMark)]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"directory": "here"}, "give an absolute path"),
        ({"days": 0}, "days = 0.0: give above 0"),
        ({"sync_interval": 0}, "give 0.01 to 60"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, object], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        convert(settings, JournalSettings, "drivers.journal")


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_events_of_the_bus_are_journaled(bench: Bench, tmp_path: Path, isolation: str) -> None:
    directory = tmp_path / "journal"
    bench.run(
        "journal", sections={"journal": {"directory": str(directory), "isolation": isolation}}
    )
    bench.keep_sending()
    wait_for(lambda: bench.state("journal").handled > 20)
    found = sequences(directory)
    assert found == list(range(found[0], found[0] + len(found)))


def test_what_its_subscriber_missed_is_replayed(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "journal"
    chosen = random.Random(1)
    losing = functools.partial(LossySubscriber, drop=lambda _: chosen.random() < 0.2)
    monkeypatch.setattr(worker, "Subscriber", losing)
    bench.run("journal", sections={"journal": {"directory": str(directory)}})
    bench.keep_sending()
    wait_for(lambda: bench.state("journal").handled > 100)
    assert no_hole(directory)


def of_lifecycle(directory: Path) -> list[int]:
    return [one.sequence for one in written(directory) if isinstance(one, LifecycleEvent)]


def no_hole(directory: Path) -> bool:
    """Whether the lifecycle events are there without repeat, hole, or mark of a gap."""
    found = of_lifecycle(directory)
    marks = [line for line in written(directory) if isinstance(line, GapMark)]
    assert found == list(range(found[0], found[0] + len(found)))
    assert [mark.reason for mark in marks if mark.class_ == "lifecycle"] in (
        [],
        ["the journal begins here"],
    )
    return True


def test_after_its_own_crash_it_has_what_came_meanwhile(bench: Bench, tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    section = {"directory": str(directory), "isolation": "process"}
    bench.send(3)  # a journal may join the bus after the first events, however soon it starts
    bench.run("journal", sections={"journal": section})

    def has_the_last() -> bool:
        return of_lifecycle(directory)[-1:] == [bench.sent]

    wait_for(lambda: bench.send() and of_lifecycle(directory))
    for lives in (1, 2):
        wait_for(has_the_last)
        os.kill(bench.state("journal").pid, signal.SIGKILL)
        bench.send(50)  # nobody writes now
        wait_for(lambda n=lives: bench.state("journal").restarts == n)  # type: ignore[misc]
        bench.send(50)
    wait_for(has_the_last)
    assert no_hole(directory)


def test_across_a_crash_of_the_agent_there_is_one_marked_gap(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    config = f"""[agent]
drivers = ["prometheus", "journal"]
[drivers.journal]
directory = "{directory}"
isolation = "process"
"""
    with agent(tmp_path, config=config) as first:
        wait_for(lambda: len(of_lifecycle(directory)) > 20)
        first.process.kill()
        first.process.wait()
    with agent(tmp_path, config=config):
        wait_for(lambda: len(epochs(directory)) == 2 and len(of_lifecycle(directory)) > 60)
    lines = [line for line in written(directory) if of_class(line) == "lifecycle"]
    marks = [at for at, line in enumerate(lines) if isinstance(line, GapMark)]
    if lines[0] is lines[marks[0]]:
        marks.pop(0)  # of what came before the journal began
    assert len(marks) == 1
    before, mark, after = lines[marks[0] - 1 : marks[0] + 2]
    assert isinstance(before, Event)
    assert isinstance(mark, GapMark)
    assert isinstance(after, Event)
    assert mark.reason == "the agent was started anew"
    assert (mark.epoch, mark.first) == (before.epoch, before.sequence + 1)
    assert (after.epoch != before.epoch, after.sequence) == (True, 1)
    rest = [line.sequence for line in lines[marks[0] + 1 :] if isinstance(line, Event)]
    assert rest == list(range(1, len(rest) + 1))


def of_class(line: object) -> str:
    if isinstance(line, GapMark):
        return line.class_
    return CLASS_OF[kind_of(line)] if isinstance(line, Event) else ""


def epochs(directory: Path) -> set[int]:
    return {line.epoch for line in written(directory) if isinstance(line, Event)}


def test_the_command_filters(tmp_path: Path) -> None:
    driver = started(tmp_path)
    driver.handle(event(1, name="a"))
    driver.handle(event(4, name="b"))
    driver.handle(ConnectionEvent(epoch=1, sequence=1, time_ns=9, state="up", reason="r"))
    driver.stop()

    def shown(*arguments: str) -> list[str]:
        result = hostmon("journal", "--directory", str(tmp_path), *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout.splitlines()

    kinds = [json.loads(line)["kind"] for line in shown("--json")]
    assert kinds == ["lifecycle", "gap", "lifecycle", "connection"]
    assert len(shown("--json", "--guest", "b", "--kind", "lifecycle")) == 2  # and the mark
    assert "missing: events of class lifecycle, 2 to 3" in shown()[1]
    assert [json.loads(line)["kind"] for line in shown("--json", "--since", "1h")] == ["gap"]
    assert len(shown("--count", "1")) == 1


def test_the_command_finds_the_directory_of_the_configuration(tmp_path: Path) -> None:
    driver = started(tmp_path / "journal")
    driver.handle(event(1))
    driver.stop()
    config = tmp_path / "hostmon.toml"
    config.write_text(f'[drivers.journal]\ndirectory = "{tmp_path}/journal"\n')
    result = hostmon("journal", "--json", "--config", str(config))
    assert json.loads(result.stdout)["sequence"] == 1, result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--since", "yesterday"], "write 10m, 2h, 3d"),
        (["--kind", "lifecycel"], "did you mean lifecycle?"),
        (["--directory", f"/{uuid.uuid4()}"], "no journal there"),
    ],
)
def test_the_command_tells_wrong_usage(tmp_path: Path, arguments: list[str], text: str) -> None:
    result = hostmon("journal", "--directory", str(tmp_path), *arguments)
    assert result.returncode == 2
    assert text in result.stderr
