"""A process's end becomes an event of origin kernel, and the guest's presence unknown."""

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostmon._deaths import DeathWatch
from hostmon.deaths import DeathNotice
from hostmon.events import ProcessExitEvent
from tests.unit.kerneltree import CPU_STAT, UUID_OF_ONE, Tree, table_of_one
from tests.unit.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(f"ipc://{tmp_path}/bus")
    yield rig
    rig.close()


@pytest.fixture
def notice(rig: Rig) -> Iterator[DeathNotice]:
    made = DeathNotice(rig.pipe, rig.table)
    made.start()
    yield made
    made.stop()


def running(rig: Rig, guest: uuid.UUID, libvirt_id: int = 7) -> None:
    rig.table.upsert(guest.bytes, b"g")
    rig.table.set_state(guest.bytes, 1, 1, libvirt_id)
    rig.table.set_presence(guest.bytes, "present")


def test_an_end_is_an_event_within_milliseconds(rig: Rig, notice: DeathNotice) -> None:
    guest = uuid.uuid4()
    running(rig, guest)
    with subprocess.Popen(["sleep", "60"]) as process:
        notice.watch.add(guest.bytes, process.pid)
        process.kill()
        killed = time.monotonic_ns()
        event = rig.receive_event()
    assert isinstance(event, ProcessExitEvent)
    assert (event.uuid, event.name, event.id, event.pid) == (str(guest), "g", 7, process.pid)
    assert event.origin == "kernel"
    assert event.monotonic_ns - killed < 100_000_000
    assert rig.table.snapshot().guest(guest.bytes).presence == "unknown"
    assert rig.dispatcher.take_wanted() == [guest.bytes]


def test_a_guest_that_libvirt_stopped_already_stays_as_libvirt_said(
    rig: Rig, notice: DeathNotice
) -> None:
    guest = uuid.uuid4()
    running(rig, guest)
    rig.table.set_state(guest.bytes, 5, 1, -1)
    with subprocess.Popen(["sleep", "60"]) as process:
        notice.watch.add(guest.bytes, process.pid)
        process.kill()
        rig.receive_event()
    assert rig.table.snapshot().guest(guest.bytes).presence == "present"


def test_a_guest_that_is_gone_is_not_told_of(rig: Rig, notice: DeathNotice) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    running(rig, second)
    with subprocess.Popen(["sleep", "60"]) as process, subprocess.Popen(["sleep", "60"]) as other:
        notice.watch.add(first.bytes, process.pid)
        notice.watch.add(second.bytes, other.pid)
        process.kill()
        process.wait()
        while len(notice.watch) == 2:
            time.sleep(0.001)
        other.kill()
        event = rig.receive_event()
    assert isinstance(event, ProcessExitEvent)
    assert event.pid == other.pid


@pytest.mark.parametrize("ended", [False, True])
def test_a_process_that_has_ended_is_not_taken_for_a_guest(tmp_path: Path, ended: bool) -> None:
    """What its number leads to may be another's by now: here it is files of one that lives."""
    tree, table, watch = Tree(tmp_path), table_of_one(), DeathWatch()
    with subprocess.Popen(["sleep", "60"]) as process:
        if ended:
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        tree.process(process.pid, UUID_OF_ONE)
        tree.group(cpu__stat=CPU_STAT)
        tree.pid_file("g", process.pid)
        sampler = tree.sampler(table, deaths=watch)
        sampler.sample()
        assert len(watch) == (0 if ended else 1)
        assert sampler.unresolved == (1 if ended else 0)
        process.kill()
    sampler.sample()
