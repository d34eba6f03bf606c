"""Looks at a foreign driver in a process of its own: it may hang, crash or exit on import.

Run as ``python -m hostmon.loader`` it reads a question from stdin and answers on the stdout
it was given; what the driver itself prints goes to stderr.
"""

import os
import signal
import subprocess
import sys
from typing import Any

import msgspec

from hostmon.loader.classes import described
from hostmon.loader.entries import DriverEntry

DEADLINE = 10.0


class Question(msgspec.Struct, frozen=True):
    """An entry to complete, and the section of settings to check."""

    entry: DriverEntry
    section: dict[str, Any]


def probe(entry: DriverEntry, section: dict[str, Any], deadline: float = DEADLINE) -> DriverEntry:
    """The entry completed, or refused with how its import ended; ``deadline`` in seconds."""
    child = subprocess.Popen(
        [sys.executable, "-m", "hostmon.loader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    question = msgspec.json.encode(Question(entry, section))
    try:
        answer, _ = child.communicate(question, timeout=deadline)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        refusal = f"can't be imported: blocked for {deadline:g} s"
        return msgspec.structs.replace(entry, refusal=refusal)
    try:
        return msgspec.json.decode(answer, type=DriverEntry)
    except msgspec.MsgspecError:
        refusal = f"can't be imported: its process ended with code {child.returncode}"
        return msgspec.structs.replace(entry, refusal=refusal)


def main() -> None:
    """Answer one question."""
    # An agent blocks the signals that end it; what it starts must not.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    answers = os.dup(1)
    os.dup2(2, 1)
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    try:
        entry = described(question.entry, question.section)
    except BaseException as error:  # whatever the driver does is its refusal
        refusal = f"can't be imported: {type(error).__name__}: {error}"
        entry = msgspec.structs.replace(question.entry, refusal=refusal)
    os.write(answers, msgspec.json.encode(entry))
    os._exit(0)
