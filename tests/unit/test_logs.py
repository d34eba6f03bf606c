"""The log: what others wrote into a message moves no cursor and makes no line of its own."""

import json
import logging
import sys

import pytest

from hostmon.logs import JsonFormatter, TextFormatter
from hostmon.printable import printable

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "a\r\nWARNING forged: line",
    "\x9b31m eight-bit control",
    "\u202egnirts desrever",
    "half a pair \udc80",
    "nul \0, delete \x7f, line \u2028 separator",
]


def formatted(formatter: logging.Formatter, text: str) -> str:
    """What is written of an error whose message and exception are this text."""
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 1, "failed: %s", (text,), sys.exc_info())
    return formatter.format(record)


def printed(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_one_line_and_a_traceback_is_marked(text: str) -> None:
    first, *rest = formatted(TextFormatter(), text).split("\n")
    assert printed(first)
    assert "failed: " + printable(text) in first
    assert rest
    assert all(line.startswith("    | ") and printed(line) for line in rest)
    assert any(printable(text.split("\n", maxsplit=1)[0]).strip() in line for line in rest)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_is_one_object_without_a_control_character(text: str) -> None:
    line = formatted(JsonFormatter(), text)
    assert printed(line)
    assert "\n" not in line
    entry = json.loads(line)
    assert entry["message"] == "failed: " + printable(text)
    assert printed(entry["traceback"])


def test_a_text_without_anything_special_stays_as_it_is() -> None:
    assert printable("Ünïcödé-客 (2 GiB) \\n") == "Ünïcödé-客 (2 GiB) \\n"
