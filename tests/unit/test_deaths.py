"""Notice of a process's end: once, soon, whoever it was."""

import gc
import os
import select
import subprocess
import time
from pathlib import Path

import pytest

from hostmon._deaths import DeathWatch


def uuid(number: int) -> bytes:
    return number.to_bytes(16, "big")


def open_files() -> int:
    gc.collect()  # what other tests left behind closes its files now, not between two counts
    return len(list(Path("/proc/self/fd").iterdir()))


def sleeper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "60"])


def test_an_end_is_told_once_within_a_millisecond_or_few() -> None:
    watch = DeathWatch()
    with sleeper() as process:
        assert watch.add(uuid(1), process.pid)
        poll = select.poll()
        poll.register(watch.fd, select.POLLIN)
        assert poll.poll(0) == []
        assert watch.take() == []
        process.kill()
        began = time.monotonic()
        assert poll.poll(5000)
        assert time.monotonic() - began < 0.1
        assert watch.take() == [(uuid(1), process.pid)]
        assert watch.take() == []
        assert poll.poll(0) == []
    assert len(watch) == 0


def test_many_at_once() -> None:
    watch = DeathWatch()
    processes = [sleeper() for _ in range(150)]
    for number, process in enumerate(processes):
        assert watch.add(uuid(number), process.pid)
    assert len(watch) == 150
    for process in processes[:100]:
        process.kill()
        process.wait()
    told = set()
    while batch := watch.take():
        told |= {found for found, _ in batch}
    assert told == {uuid(number) for number in range(100)}
    for process in processes[100:]:
        process.kill()
        process.wait()
    while batch := watch.take():
        told |= {found for found, _ in batch}
    assert len(told) == 150


def test_descriptors_are_given_back() -> None:
    before = open_files()
    watch = DeathWatch()
    with sleeper() as process:
        for number in range(100):
            watch.add(uuid(number), process.pid)
        assert open_files() == before + 102
        process.kill()
        process.wait()
        while watch.take():
            pass
        assert open_files() == before + 2
    with sleeper() as process:
        watch.add(uuid(1), process.pid)
        del watch
        assert open_files() == before
        process.kill()


def test_nobody_cannot_be_watched() -> None:
    watch = DeathWatch()
    with sleeper() as process:
        process.kill()
        process.wait()
        assert not watch.add(uuid(1), process.pid)
    with pytest.raises(ValueError, match="16 raw bytes"):
        watch.add(b"short", os.getpid())
    assert len(watch) == 0
