"""The guest table: rows by uuid, counters by device key, snapshots that do not change."""

import random
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostmon._table import GuestTable
from hostmon.samples import Group


def uuid(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_a_guest_is_found_under_its_uuid() -> None:
    table = GuestTable()
    row = table.upsert(uuid(1), b"one")
    guest = table.snapshot().guest(uuid(1))
    assert (guest.row, guest.name, guest.presence, guest.id) == (row, b"one", "unknown", -1)
    assert len(table) == len(table.snapshot()) == 1
    with pytest.raises(KeyError):
        table.snapshot().guest(uuid(2))


def test_a_snapshot_does_not_change() -> None:
    table = GuestTable()
    table.upsert(uuid(1), b"one")
    before = table.snapshot()
    table.set_state(uuid(1), 1, 2, 7)
    table.upsert(uuid(2), b"two")
    table.set_sequence(0, 9)
    assert before.guest(uuid(1)).id == -1
    assert before.uuids == (uuid(1),)
    assert before.sequence == 0
    after = table.snapshot()
    assert (after.guest(uuid(1)).state, after.guest(uuid(1)).reason) == (1, 2)
    assert after.sequences == (9, 0, 0, 0)
    assert after.taken_ns >= before.taken_ns > 0


def test_a_retired_row_serves_the_next_guest_under_another_life() -> None:
    table = GuestTable()
    first = table.upsert(uuid(1), b"one")
    table.set_devices(uuid(1), [(b"virtio-disk0", b"vda")], [])
    life = table.snapshot().guest(uuid(1)).life
    assert table.retire(uuid(1))
    assert not table.retire(uuid(1))
    assert table.upsert(uuid(2), b"two") == first
    guest = table.snapshot().guest(uuid(2))
    assert guest.life > life
    assert guest.disks == []
    assert guest.counts == [0] * 5


def test_churn_does_not_grow_the_table() -> None:
    table = GuestTable()
    sizes = []
    for number in range(3000):
        table.upsert(uuid(number), b"guest" * (number % 40 + 1))
        table.set_devices(uuid(number), [(b"d%d" % i, b"vd") for i in range(number % 9)], [])
        if number >= 50:
            table.retire(uuid(number - 50))
        sizes.append(table.memory)
    assert len(table) == 50
    assert sizes[-1] == sizes[1000]


def test_ten_thousand_guests() -> None:
    table = GuestTable()
    numbers = list(range(10_000))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        table.upsert(uuid(number), b"g%d" % number)
    for number in numbers[::2]:
        table.retire(uuid(number))
    left = table.snapshot()
    assert set(left.uuids) == {uuid(number) for number in numbers[1::2]}
    assert left.guest(uuid(numbers[1])).name == b"g%d" % numbers[1]


def test_a_plain_guest_fits_its_budget() -> None:
    table = GuestTable()
    for number in range(1000):
        table.upsert(uuid(number), b"instance-%08x" % number)
        table.set_devices(
            uuid(number), [(b"virtio-disk0", b"vda")], [(b"52:54:00:00:00:01", b"vnet0")]
        )
    assert table.memory / 1000 < 2560


def test_names_may_hold_any_bytes() -> None:
    table = GuestTable()
    name = bytes(range(256)) * 2
    table.upsert(uuid(1), name)
    assert table.snapshot().guest(uuid(1)).name == table.name(uuid(1)) == name
    table.upsert(uuid(1), b"")
    assert table.snapshot().guest(uuid(1)).name == table.name(uuid(1)) == b""
    assert table.name(uuid(2)) is None


def test_a_rename_is_a_new_definition_and_the_same_name_is_not() -> None:
    table = GuestTable()
    table.upsert(uuid(1), b"one")
    before = table.snapshot().guest(uuid(1)).definition
    table.upsert(uuid(1), b"one")
    assert table.snapshot().guest(uuid(1)).definition == before
    table.upsert(uuid(1), b"uno")
    assert table.snapshot().guest(uuid(1)).definition == before + 1
    table.definition_changed(uuid(1))
    assert table.snapshot().guest(uuid(1)).definition == before + 2


def test_many_devices() -> None:
    table = GuestTable()
    table.upsert(uuid(1), b"one")
    disks = [(b"virtio-disk%d" % i, b"vd%d" % i) for i in range(64)]
    nics = [(b"52:54:00:00:00:%02x" % i, b"" if i == 3 else b"vnet%d" % i) for i in range(32)]
    assert table.set_devices(uuid(1), disks, nics)
    guest = table.snapshot().guest(uuid(1))
    assert [(disk.key, disk.target) for disk in guest.disks] == disks
    assert [(nic.key, nic.target) for nic in guest.interfaces] == nics
    assert guest.disks[0].read_bytes is None


def test_facts() -> None:
    table = GuestTable()
    table.upsert(uuid(1), b"one")
    assert table.snapshot().guest(uuid(1)).sizes.vcpus is None
    facts = {"vcpus": 2, "vcpus_max": 4, "memory": 1 << 30, "memory_max": 1 << 31}
    assert table.set_facts(uuid(1), **facts, persistent=True, autostart=False, now_ns=5)
    guest = table.snapshot().guest(uuid(1))
    assert (guest.sizes.vcpus, guest.sizes.vcpus_max) == (2, 4)
    assert (guest.sizes.memory, guest.sizes.memory_max) == (1 << 30, 1 << 31)
    assert (guest.persistent, guest.autostart) == (True, False)
    assert guest.valid == {Group.SIZES: 5}
    assert not table.set_facts(uuid(2), **facts, persistent=True, autostart=False)


def test_another_id_is_another_run() -> None:
    table = GuestTable()
    table.upsert(uuid(1), b"one")
    table.set_facts(
        uuid(1), vcpus=1, vcpus_max=1, memory=1, memory_max=1, persistent=True, autostart=True
    )
    table.set_state(uuid(1), 1, 1, 7)
    first = table.snapshot().guest(uuid(1)).run
    table.set_state(uuid(1), 3, 1, 7)
    assert table.snapshot().guest(uuid(1)).run == first
    table.set_state(uuid(1), 5, 1, -1)
    guest = table.snapshot().guest(uuid(1))
    assert guest.run == first + 1
    assert set(guest.valid) == {Group.SIZES}


def test_presence() -> None:
    table = GuestTable()
    for number in range(3):
        table.upsert(uuid(number), b"x")
        table.set_presence(uuid(number), "present")
    table.set_presence(uuid(2), "absent")
    assert table.snapshot().guest(uuid(2)).presence == "absent"
    table.mark_all_unknown()
    taken = table.snapshot()
    assert {taken.guest(u).presence for u in taken.uuids} == {"unknown"}


@pytest.mark.parametrize("bad", [b"", b"short", b"x" * 17])
def test_a_uuid_has_sixteen_bytes(bad: bytes) -> None:
    with pytest.raises(ValueError, match="16 raw bytes"):
        GuestTable().upsert(bad, b"one")


UUIDS = st.sampled_from([uuid(n) for n in range(12)] + [bytes([n]) * 16 for n in range(12)])


@given(st.lists(st.tuples(st.booleans(), UUIDS, st.binary(max_size=300))))
@settings(deadline=None)
def test_agrees_with_a_dictionary(steps: list[tuple[bool, bytes, bytes]]) -> None:
    table = GuestTable()
    expected: dict[bytes, bytes] = {}
    for keep, key, name in steps:
        if keep:
            table.upsert(key, name)
            expected[key] = name
        else:
            assert table.retire(key) == (expected.pop(key, None) is not None)
    taken = table.snapshot()
    assert {key: taken.guest(key).name for key in taken.uuids} == expected


def test_readers_see_whole_rows_while_a_writer_works() -> None:
    table = GuestTable()
    stop = threading.Event()

    def write() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            for number in range(20):
                table.upsert(uuid(number), b"%d" % step * (step % 60))
                table.set_devices(uuid(number), [(b"%d" % step, b"%d" % step)] * (step % 9), [])
                if step % 7 == 0:
                    table.retire(uuid(number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            taken = table.snapshot()
            for key in taken.uuids:
                for disk in taken.guest(key).disks:
                    assert disk.key == disk.target
    finally:
        stop.set()
        writer.join()


FINALIZED = """
import gc
from hostmon._table import GuestTable

uuid = bytes(16)
table = GuestTable()
table.upsert(uuid, b"g")
table.set_devices(uuid, [(b"vda", b"vda")], [])
gc.callbacks.append(lambda *_: table.counts())
gc.set_threshold(1)
kept = [CALL for _ in range(5000)]  # more than are kept of freed objects of any sort
"""


@pytest.mark.parametrize(
    "call",
    [
        "table.passed_over",
        'table.set_disk_sizes(uuid, b"vda", (table.counts()[0] for _ in range(3)), 9)',
    ],
)
def test_nothing_of_python_runs_under_the_lock(call: str) -> None:
    """A finalizer may run wherever an object is made, and may want the table."""
    code = FINALIZED.replace("CALL", call)
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == 0
