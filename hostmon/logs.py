"""The agent's own log: one line an event of its life, to stderr, as text or JSON."""

import logging
import sys
import time
from typing import Any

import msgspec

from hostmon.settings import LogSettings


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.123Z INFO hostmon.keeper: connected to qemu:///system``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, line breaks of the message made visible."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = record.getMessage().replace("\n", "\\n")
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return f"{stamp}.{int(record.msecs):03d}Z {record.levelname} {record.name}: {text}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        entry: dict[str, Any] = {
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()


def configure(settings: LogSettings) -> None:
    """Send hostmon's log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    root = logging.getLogger("hostmon")
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    root.propagate = False
