"""``hostmon journal``: events that the journal driver has written, filtered."""

import argparse
import re
import sys
import time
from pathlib import Path

from hostmon import journal
from hostmon.cli.terminal import paint
from hostmon.cli.watch import check_kind, text_line
from hostmon.errors import SettingsError
from hostmon.events import Event
from hostmon.journal import GapMark, Header, Line
from hostmon.settings import config_path, load
from hostmon.wire import kind_of

_AGO = re.compile(r"(?P<number>\d+)(?P<unit>[smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def run(options: argparse.Namespace) -> int:
    """Print what matches, the oldest first, and where something is missing."""
    directory = Path(options.directory or configured_directory(options))
    check_kind(options.kind)
    if not directory.is_dir():
        raise SettingsError(f"--directory {str(directory)!r}: no journal there; name its directory")
    since = since_ns(options.since) if options.since else 0
    shown = broken = 0
    for path in journal.files(directory):
        try:
            for line in journal.lines(path):
                if line is None:
                    broken += 1
                elif wanted(line, options.kind, options.guest, since):
                    print(shown_as(line, json=options.json))
                    shown += 1
                    if shown == options.count:
                        return 0
        except FileNotFoundError:
            continue  # removed by its age since it was listed
    if broken:
        print(f"passed over {broken} lines that are no journal lines", file=sys.stderr)
    return 0


def configured_directory(options: argparse.Namespace) -> str:
    """The directory of the configuration, else the default one."""
    section = load(config_path(options.config)).drivers.get("journal", {})
    return str(section.get("directory", journal.DIRECTORY))


def since_ns(text: str) -> int:
    """Nanoseconds since 1970 of ``10m``, ``2h``, or a local time ``2026-01-31T12:00``."""
    if match := _AGO.fullmatch(text):
        return time.time_ns() - int(match["number"]) * _SECONDS[match["unit"]] * 10**9
    for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"):
        try:
            return int(time.mktime(time.strptime(text, form)) * 1e9)
        except ValueError:
            continue
    raise SettingsError(f"--since {text!r}: write 10m, 2h, 3d or a time as 2026-01-31T12:00")


def wanted(line: Line, kind: str | None, guest: str | None, since: int) -> bool:
    """Whether a line is asked for; the mark of a gap always is, by its time."""
    if isinstance(line, Header) or line.time_ns < since:
        return False
    if isinstance(line, GapMark):
        return True
    named = guest in (getattr(line, "name", ""), getattr(line, "uuid", ""))
    return (not kind or kind_of(line) == kind) and (not guest or named)


def shown_as(line: Line, *, json: bool) -> str:
    """A line for a program or a person."""
    if json:
        return journal.encode(line).decode().rstrip("\n")
    if isinstance(line, GapMark):
        numbers = f", {line.first} to {line.last or 'an unknown end'}" if line.first else ""
        text = f"missing: events of class {line.class_}{numbers}; {line.reason}"
        return paint(text, "red")
    assert isinstance(line, Event)
    return f"{time.strftime('%Y-%m-%d', time.localtime(line.time_ns / 1e9))} {text_line(line)}"
