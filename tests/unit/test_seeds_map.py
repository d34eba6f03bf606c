"""Every name that docs/seeds-map.md gives as ours is there."""

import importlib
import re
from pathlib import Path

import pytest

from hostmon._pipe import EventPipe
from hostmon.guest import Guest
from hostmon.host import Host

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/seeds-map.md").read_text()
OURS = sorted(set(re.findall(r"`((?:hostmon|Host|Guest|EventPipe)\.[\w.]+)", TEXT)))
SOURCES = sorted(set(re.findall(r"`(ext/[\w.]+)`", TEXT)))
CLASSES = {"Host": Host, "Guest": Guest, "EventPipe": EventPipe}


def resolved(name: str) -> object:
    """The class, function or module that a dotted name stands for."""
    first, _, rest = name.partition(".")
    if first in CLASSES:
        return getattr(CLASSES[first], rest)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, last = name.rpartition(".")
        return getattr(importlib.import_module(module), last)


@pytest.mark.parametrize("name", OURS)
def test_it_exists(name: str) -> None:
    assert resolved(name) is not None


@pytest.mark.parametrize("name", SOURCES)
def test_the_source_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_every_name_of_the_specification_is_mapped() -> None:
    rows = re.findall(r"(?m)^\| (`_[^|]*) \|", TEXT)
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(names) == len(set(names)) == 32
