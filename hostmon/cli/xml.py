"""``hostmon xml check``: a document against libvirt's schema and the model, with remedies."""

import argparse
import dataclasses
import sys
from pathlib import Path

import msgspec

from hostmon.cli.terminal import paint
from hostmon.errors import SettingsError
from hostmon.printable import printable
from hostmon.xml.check import Problem, check


def run(options: argparse.Namespace) -> int:
    """Check, print; 1 where there is an error, what is only unknown is not one."""
    problems = check(read(options.file))
    if options.json:
        print(msgspec.json.encode([dataclasses.asdict(one) for one in problems]).decode())
    else:
        for problem in problems:
            print(line(problem, options.file))
        if not problems:
            print(f"{options.file}: good")
    return int(any(problem.certain for problem in problems))


def read(name: str) -> bytes:
    """The document; raises SettingsError where there is none."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror}; name a readable file, or -") from None


def line(problem: Problem, name: str) -> str:
    """One problem as compilers print theirs."""
    word = paint("error", "red") if problem.certain else paint("unknown", "yellow")
    where = f"{name}:{problem.line}" if problem.line else name
    return f"{where}: {word}: " + printable(f"{problem.path}: {problem.message}; {problem.remedy}")
