"""The agent's own log: one line an event of its life, to stderr, as text or JSON.

What it says may come from anywhere: nothing in it moves a terminal's cursor, and no message can
look like another line of the log.
"""

import logging
import sys
import threading
import time
from typing import Any

import msgspec

from hostmon.printable import printable
from hostmon.settings import LogSettings

log = logging.getLogger(__name__)

TRACE = "    | "


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.123Z INFO hostmon.keeper: connected to qemu:///system``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, line breaks of the message made visible; a traceback follows, marked as one."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = printable(record.getMessage())
        return "\n".join(
            [
                f"{stamp}.{int(record.msecs):03d}Z {record.levelname} {record.name}: {text}",
                *(TRACE + line for line in trace(self, record)),
            ]
        )


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        entry: dict[str, Any] = {
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": printable(record.getMessage()),
        }
        if lines := trace(self, record):
            entry["traceback"] = "\n".join(lines)
        return msgspec.json.encode(entry).decode()


def trace(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    """The traceback's lines, each printable; none without one."""
    if not record.exc_info:
        return []
    return [printable(line) for line in formatter.formatException(record.exc_info).split("\n")]


def uncaught(failure: threading.ExceptHookArgs) -> None:
    """Log what ended a thread, as any other error: it may quote anything."""
    name = failure.thread.name if failure.thread is not None else "of no name"
    error = failure.exc_value
    log.critical("thread %s failed", name, exc_info=error if error is not None else True)


def configure(settings: LogSettings) -> None:
    """Send hostmon's log to stderr, and what ends a thread with it."""
    threading.excepthook = uncaught
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    root = logging.getLogger("hostmon")
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    root.propagate = False
