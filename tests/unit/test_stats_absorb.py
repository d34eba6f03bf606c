"""libvirt's statistics written into the table: every field in its column, nothing else harmed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hostmon._columns import PERF_NAMES, absorb
from hostmon._table import GuestTable
from hostmon.samples import Group, Guest
from hostmon_drivers.virt_libvirt.percall import Values

UUID = bytes(range(16))


def made() -> GuestTable:
    table = GuestTable()
    table.upsert(UUID, b"g")
    table.set_state(UUID, 1, 1, 7)
    disks = [(b"virtio-disk0", b"vda"), (b"virtio-disk1", b"vdb")]
    table.set_devices(UUID, disks, [(b"52:54:00:00:00:01", b"vnet0")])
    return table


def guest(table: GuestTable) -> Guest:
    return table.snapshot().guest(UUID)


def test_disks_are_told_apart_by_target_and_not_by_order() -> None:
    table = made()
    values: Values = {
        "block.count": 3,
        "block.0.name": b"vdb", "block.0.rd.bytes": 2, "block.0.wr.reqs": 3,
        "block.1.name": b"", "block.1.rd.bytes": 99,
        "block.2.name": b"vda", "block.2.rd.bytes": 1, "block.2.capacity": 64,
    }  # fmt: skip
    assert absorb(table, UUID, values, 5) == 0
    vda, vdb = guest(table).disks
    assert (vda.read_bytes, vda.capacity, vda.write_requests) == (1, 64, None)
    assert (vdb.read_bytes, vdb.capacity, vdb.write_requests) == (2, None, 3)
    assert guest(table).valid == {Group.BLOCK: 5, Group.BLOCK_SIZE: 5}


def test_balloon_in_bytes() -> None:
    table = made()
    absorb(table, UUID, {"balloon.current": 32, "balloon.major_fault": 3, "balloon.rss": 2}, 5)
    found = guest(table)
    assert (found.balloon.current, found.balloon.major_faults) == (32 << 10, 3)
    assert found.memory.rss == 2 << 10
    assert set(found.valid) == {Group.BALLOON, Group.RSS}


def test_the_kernels_columns_are_left_to_the_kernel() -> None:
    table = made()
    values: Values = {
        "cpu.time": 5, "vcpu.0.time": 6, "vcpu.0.state": 1, "balloon.rss": 2,
        "net.0.name": b"vnet0", "net.0.rx.bytes": 7,
    }  # fmt: skip
    absorb(table, UUID, values, 5, kernel=True)
    found = guest(table)
    assert (found.cpu.time_ns, found.memory.rss, found.vcpus) == (None, None, [])
    assert found.interfaces[0].rx_bytes == 7  # the kernel had not read it
    assert set(found.valid) == {Group.BALLOON, Group.INTERFACE}


def test_without_the_kernel_all_is_taken() -> None:
    table = made()
    values: Values = {
        "cpu.time": 5,
        "vcpu.3.time": 6,
        "vcpu.1.time": 4,
        "vcpu.1.wait": 2,
        "vcpu.3.state": 1,
    }
    absorb(table, UUID, values, 5)
    found = guest(table)
    assert found.cpu.time_ns == 5
    assert [(v.number, v.run_ns, v.wait_ns, v.state) for v in found.vcpus] == [
        (1, 4, 2, None),
        (3, 6, None, 1),
    ]


def test_the_rest() -> None:
    table = made()
    values: Values = {
        "iothread.count": 2, "iothread.1.poll-max-ns": 8, "iothread.1.poll-grow": 9,
        "iothread.4.poll-shrink": 1, "perf.cache_misses": 11, "dirtyrate.calc_status": 2,
        "dirtyrate.megabytes_per_second": 3, "dirtyrate.calc_mode": b"page-sampling",
    }  # fmt: skip
    assert absorb(table, UUID, values, 5) == 0
    found = guest(table)
    assert [(t.id, t.poll_max_ns, t.poll_grow) for t in found.iothreads] == [
        (1, 8, 9), (4, None, None)
    ]  # fmt: skip
    assert [(PERF_NAMES[p.event], p.value) for p in found.perf] == [("cache_misses", 11)]
    assert (found.dirty.status, found.dirty.bytes_per_s) == (2, 3 << 20)


def test_unknown_names_and_types_are_counted() -> None:
    table = made()
    values: Values = {"new.thing": 1, "block.0.name": b"vda", "block.0.rd.newly": 5, "net.x": 1}
    assert absorb(table, UUID, {**values, "balloon.current": None}, 5) == 4
    assert guest(table).valid == {}


def test_a_negative_number_is_unknown() -> None:
    table = made()
    absorb(table, UUID, {"block.0.name": b"vda", "block.0.errors": -1, "block.0.rd.bytes": 1}, 5)
    assert guest(table).disks[0].errors is None


NAMES = st.one_of(
    st.sampled_from(
        ["block.0.name", "block.0.rd.bytes", "block.", "block.9", "vcpu.0.time", "vcpu.99999.time",
         "vcpu.1023.time", "vcpu.5000000000.x", "net.0.name", "net.0.rx.bytes", "iothread.1.x",
         "iothread.1.poll-grow", "perf.cmt", "balloon.current", "cpu.time", "dirtyrate.", "state."]
    ),
    st.text("abcdefghijklmnopqrstuvwxyz.0123456789-_", max_size=90),
)  # fmt: skip
VALUES = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.booleans(),
    st.binary(max_size=40),
    st.sampled_from([b"vda", b"vdb", b"vnet0"]),
    st.none(),
)


@given(st.dictionaries(NAMES, VALUES, max_size=30), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_record_is_survived(values: Values, kernel: bool) -> None:
    table = made()
    other = bytes(16)
    table.upsert(other, b"other")
    before = table.snapshot().guest(other)
    absorb(table, UUID, values, 5, kernel=kernel)
    guest(table)
    assert table.snapshot().guest(other) == before
