"""The driver itself: its settings, and which line follows which.

Compares each event's number with the last one that the journal holds: a repeat is left out, a hole
is marked where it is.
"""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from hostmon import journal
from hostmon.driver import Driver, DriverContext
from hostmon.errors import DriverError
from hostmon.events import Event, LostEvent
from hostmon.journal import GapMark, Header
from hostmon.kinds import CLASS_OF, CLASSES
from hostmon.numbers import Position
from hostmon.wire import class_of
from hostmon_drivers.journal.files import JournalFiles
from hostmon_drivers.journal.syncer import Syncer

log = logging.getLogger("hostmon.drivers.journal")

MIB = 1 << 20
DAY = 86400.0


class JournalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files of ``file_mib`` in ``directory``; the oldest go beyond ``total_mib`` or ``days``.

    An event is on disk at most ``sync_interval`` seconds after it came.
    """

    directory: str = str(journal.DIRECTORY)
    file_mib: float = 16.0
    total_mib: float = 256.0
    days: float = 30.0
    sync_interval: float = 0.2

    def __post_init__(self) -> None:
        if not Path(self.directory).is_absolute():
            raise ValueError(f"directory = {self.directory!r}: give an absolute path")
        for name, most in (("file_mib", 4096), ("total_mib", 1 << 20), ("days", 36500)):
            if not 0 < getattr(self, name) <= most:
                raise ValueError(f"{name} = {getattr(self, name)!r}: give above 0, at most {most}")
        if not 0.01 <= self.sync_interval <= 60:
            raise ValueError(f"sync_interval = {self.sync_interval!r}: give 0.01 to 60")


class JournalDriver(Driver):
    """Writes every event to rotated JSON lines files; `hostmon journal` reads them."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = JournalSettings

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, Position] = {}
        self._unwritten: dict[str, str] = {}  # by class, why what follows the last one is missing
        self._files: JournalFiles | None = None
        self._syncer: Syncer | None = None

    def start(self, context: DriverContext) -> None:
        """Open the newest file, and learn from it how far the journal reaches."""
        settings: JournalSettings = context.settings
        files = JournalFiles(
            Path(settings.directory),
            file_size=int(settings.file_mib * MIB),
            total_size=int(settings.total_mib * MIB),
            longest_age=settings.days * DAY,
        )
        try:
            if torn := files.open(journal.encode(Header())):
                log.warning("cut %d bytes of a torn line off the journal", torn)
            self._last = last_positions(Path(settings.directory))
        except OSError as error:
            files.close()
            raise DriverError(
                f"directory = {settings.directory!r}: {error.strerror}; give one it may write"
            ) from None
        self._files = files
        self._syncer = Syncer(files, self._lock, settings.sync_interval)
        self._syncer.start()

    def resume_after(self) -> tuple[Position, ...]:
        """What the journal holds: what came after it while nobody wrote is replayed."""
        return tuple(self._last.values())

    def handle(self, event: Event) -> None:
        """Append the event, after the mark of a gap where there is one."""
        assert self._files is not None
        assert self._syncer is not None
        class_ = class_of(event)
        last = self._last.get(class_)
        if last and event.epoch == last.epoch and event.sequence <= last.sequence:
            return  # a repeat: the journal has it
        try:
            with self._lock:
                why = self._unwritten.get(class_, "the events never arrived")
                gaps = gaps_before(event, class_, last, why)
                self._write(self._files, event, [*gaps, *losses(event)])
        except OSError as error:
            self._unwritten[class_] = f"they could not be written: {error.strerror}"
            raise DriverError(f"the journal can't be written: {error.strerror}") from None
        self._unwritten.pop(class_, None)
        if class_:
            self._last[class_] = Position(class_, event.epoch, event.sequence)
        self._syncer.touch()

    def _write(self, files: JournalFiles, event: Event, marks: list[GapMark]) -> None:
        """One write for marks and event, so that neither is there without the other."""
        if files.is_full():
            files.rotate(journal.encode(Header(positions=tuple(self._last.values()))))
        lines: list[journal.Line] = [*marks, event]
        files.append(b"".join(map(journal.encode, lines)))

    def stop(self) -> None:
        """Put the rest on disk."""
        if self._syncer is not None:
            self._syncer.stop()
        if self._files is not None:
            self._files.close()


def gaps_before(event: Event, class_: str, last: Position | None, why: str) -> Iterator[GapMark]:
    """The marks of the holes between an event and the last one of its class, where there are any.

    Two where the agent was started anew: of the end of its former run, of the beginning of this.
    """
    begins = Position(class_, event.epoch, 0)
    if last is None:
        last, why = begins, "the journal begins here"
    elif event.epoch != last.epoch:
        yield gap(class_, last, 0, "the agent was started anew")
        last = begins
    if class_ and event.sequence > last.sequence + 1:
        yield gap(class_, last, event.sequence - 1, why)


def losses(event: Event) -> Iterator[GapMark]:
    """What the agent itself lost, a mark for each class: such events never had a number."""
    if not isinstance(event, LostEvent):
        return
    for class_ in CLASSES:
        lost = [
            f"{one.count} {one.kind}"
            for one in event.kinds
            if CLASS_OF.get(str(one.kind)) == class_
        ]
        if lost:
            yield GapMark(
                class_=class_,
                epoch=event.epoch,
                first=0,
                last=0,
                time_ns=event.time_ns,
                reason=f"the agent had no room for them: {', '.join(lost)}",
            )


def gap(class_: str, last: Position, up_to: int, reason: str) -> GapMark:
    """The mark of what is missing after ``last``."""
    return GapMark(
        class_=class_,
        epoch=last.epoch,
        first=last.sequence + 1,
        last=up_to,
        time_ns=time.time_ns(),
        reason=reason,
    )


def last_positions(directory: Path) -> dict[str, Position]:
    """The last event of each class, out of the newest file and its header."""
    last: dict[str, Position] = {}
    for line in journal.lines(journal.files(directory)[-1]):
        if isinstance(line, Header):
            last = {position.class_: position for position in line.positions}
        elif isinstance(line, Event) and (class_ := class_of(line)):
            last[class_] = Position(class_, line.epoch, line.sequence)
    return last
