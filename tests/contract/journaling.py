"""A journal of a test's own: its driver started alone, and what it wrote."""

from pathlib import Path

from hostmon import journal
from hostmon.driver import DriverContext
from hostmon.events import Event, LifecycleEvent
from hostmon.journal import Header
from hostmon.typed import convert
from hostmon_drivers.journal.driver import JournalDriver, JournalSettings


def event(sequence: int, epoch: int = 1, name: str = "g") -> LifecycleEvent:
    return LifecycleEvent(
        epoch=epoch, sequence=sequence, time_ns=sequence, name=name, event="started", detail="x"
    )


def started(directory: Path, **settings: object) -> JournalDriver:
    driver = JournalDriver()
    own = convert({"directory": str(directory), **settings}, JournalSettings, "drivers.journal")
    driver.start(
        DriverContext(host="h", events_addresses=(), view=None, settings=own)  # type: ignore[arg-type]
    )
    return driver


def written(directory: Path) -> list[object]:
    """Every line of every file but headers."""
    lines = [line for path in journal.files(directory) for line in journal.lines(path)]
    return [line for line in lines if not isinstance(line, Header)]


def sequences(directory: Path) -> list[int]:
    return [line.sequence for line in written(directory) if isinstance(line, Event)]
