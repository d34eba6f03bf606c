"""The native encoder and the typed events are equal, kind by kind, byte for byte."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import libvirt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostmon import events, kinds, records, wire
from hostmon._pipe import record
from tests.native.firing import fire
from tests.unit.rig import EPOCH, HOST, Rig


class FiringRig(Rig):
    """Raises callbacks on a real libvirt domain."""

    def __init__(self, address: str, domain: libvirt.virDomain) -> None:
        self.domain = domain
        super().__init__(address)

    def fire(self, kind: str, *args: object, truncated: bool = False) -> events.DomainEvent:
        """Raise a callback; the typed event, once its own encoding is found to be the bytes."""
        fire(self.pipe, self.domain, kinds.NUMBERS[kind], *args)
        topic, payload = self.receive()
        assert topic == f"lifecycle/{kind}/{self.domain.UUIDString()}"
        event = wire.decode(payload)
        assert wire.encode(event) == payload
        assert isinstance(event, events.DomainEvent)
        assert (event.epoch, event.host, event.origin) == (EPOCH, HOST, "live")
        assert event.truncated == truncated
        assert (event.uuid, event.name) == (self.domain.UUIDString(), self.domain.name())
        assert event.time_ns > EPOCH
        return event


@contextmanager
def firing(folder: Path, name: str) -> Iterator[FiringRig]:
    """A rig with a domain of this name, as XML has it."""
    node = folder / "node.xml"
    node.write_text(
        f"<node><domain type='test'><name>{name}</name><memory>8192</memory>"
        "<os><type>hvm</type></os></domain></node>"
    )
    connection = libvirt.open(f"test://{node}")
    rig = FiringRig(f"ipc://{folder}/bus", connection.listAllDomains()[0])
    yield rig
    rig.close()
    connection.close()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FiringRig]:
    with firing(tmp_path_factory.mktemp("encoder"), 'web "1" é') as rig:
        yield rig


ARGUMENTS: dict[str, tuple[tuple[object, ...], dict[str, object]]] = {
    "lifecycle": ((5, 6), {"event": "stopped", "detail": "from-snapshot"}),
    "reboot": ((), {}),
    "rtc-change": ((-3600,), {"utcoffset": -3600}),
    "watchdog": ((6,), {"action": "inject-nmi"}),
    "graphics": (
        (1, (0, b"127.0.0.1", b"5900"), (7, None, b""), b"sasl", ((b"x509dname", b"CN=\xff"),)),
        {
            "phase": "initialize",
            "local": events.GraphicsAddress("ipv4", "127.0.0.1", "5900"),
            "remote": events.GraphicsAddress(7, None, ""),
            "auth_scheme": "sasl",
            "subject": (events.GraphicsIdentity("x509dname", "CN=\N{REPLACEMENT CHARACTER}"),),
        },
    ),
    "io-error": (
        (b"/img/a", b"virtio-disk0", 1, b"enospc"),
        {
            "src_path": "/img/a",
            "dev_alias": "virtio-disk0",
            "action": "pause",
            "reason": "enospc",
        },
    ),
    "control-error": ((), {}),
    "disk-change": (
        (b"/old", None, b"ide0-0-0", 0),
        {
            "old_src_path": "/old",
            "new_src_path": None,
            "dev_alias": "ide0-0-0",
            "reason": "change-missing-on-start",
        },
    ),
    "tray-change": ((b"ide0", 1), {"dev_alias": "ide0", "reason": "close"}),
    "pm-wakeup": ((0,), {"reason": 0}),
    "pm-suspend": ((0,), {"reason": 0}),
    "pm-suspend-disk": ((0,), {"reason": 0}),
    "balloon-change": ((524288,), {"actual": 524288 * 1024}),
    "device-removed": ((b"net0",), {"dev_alias": "net0"}),
    "device-added": ((b"net1",), {"dev_alias": "net1"}),
    "device-removal-failed": ((b"net2",), {"dev_alias": "net2"}),
    "block-job": ((b"vda", 2, 3), {"disk": "vda", "type": "copy", "status": "ready"}),
    "tunable": (
        (((b"a", 1), (b"b", -2), (b"c", 0.5), (b"d", True), (b"e", b"text"), (b"f", None)),),
        {
            "params": (
                events.TypedParameter("a", 1),
                events.TypedParameter("b", -2),
                events.TypedParameter("c", 0.5),
                events.TypedParameter("d", True),
                events.TypedParameter("e", "text"),
                events.TypedParameter("f", None),
            )
        },
    ),
    "agent-lifecycle": ((1, 2), {"state": "connected", "reason": "channel"}),
    "migration-iteration": ((4,), {"iteration": 4}),
    "job-completed": (
        (((b"data_total", 2**64 - 1),),),
        {"params": (events.TypedParameter("data_total", 2**64 - 1),)},
    ),
    "metadata-change": ((2, b"urn:x"), {"type": "element", "nsuri": "urn:x"}),
    "block-threshold": (
        (b"vda[1]", b"/img/b", 10**12, 5),
        {"dev": "vda[1]", "path": "/img/b", "threshold": 10**12, "excess": 5},
    ),
    "memory-failure": ((1, 3, 2), {"recipient": "guest", "action": "reset", "flags": 2}),
    "memory-device-size-change": (
        (b"virtiomem0", 2048),
        {"dev_alias": "virtiomem0", "size": 2**21},
    ),
}


def test_every_domain_kind_has_arguments() -> None:
    assert set(ARGUMENTS) == set(kinds.DOMAIN_KINDS.values())


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_kind_is_encoded_as_its_type(rig: FiringRig, kind: str) -> None:
    args, fields = ARGUMENTS[kind]
    event = rig.fire(kind, *args)
    assert {name: getattr(event, name) for name in fields} == fields


def test_numbers_without_a_name_pass_as_numbers(rig: FiringRig) -> None:
    event = rig.fire("lifecycle", 5, 77)
    assert isinstance(event, events.LifecycleEvent)
    assert (event.event, event.detail) == ("stopped", 77)
    event = rig.fire("lifecycle", 99, -1)
    assert isinstance(event, events.LifecycleEvent)
    assert (event.event, event.detail) == (99, -1)


def test_sequence_counts_each_class_without_a_gap(rig: FiringRig) -> None:
    first = rig.fire("reboot").sequence
    rig.pipe.put(record(kinds.NUMBERS["pool-refresh"], uuid=bytes(16), name=b"pool"))
    assert wire.decode(rig.receive()[1]).sequence >= 1
    assert rig.fire("reboot").sequence == first + 1


def test_more_than_a_record_may_carry_is_cut_and_marked(rig: FiringRig) -> None:
    long = b"\xff" * 10_000
    rig.fire("io-error", long, long, 0, long, truncated=True)
    rig.fire("tunable", tuple((b"k" * 79, long) for _ in range(256)), truncated=True)
    identities = ((long, long),) * 32
    rig.fire("graphics", 0, (0, long, long), (1, long, long), long, identities, truncated=True)


def test_the_most_that_a_record_may_carry_fits_with_the_longest_name(tmp_path: Path) -> None:
    long = b"\xff" * 10_000
    with firing(tmp_path, "n" * 4096) as rig:
        rig.fire("io-error", long, long, 0, long, truncated=True)
        event = rig.fire("tunable", ((b"\xff" * 80, long),) * 256, truncated=True)
        assert isinstance(event, events.TunableEvent)
        assert len(event.params) == 60
        identities = ((long, long),) * 32
        rig.fire("graphics", 0, (0, long, long), (1, long, long), long, identities, truncated=True)


@pytest.mark.parametrize("over", [0, 1])
def test_the_mark_begins_with_the_first_that_is_cut(rig: FiringRig, over: int) -> None:
    event = rig.fire("device-added", b"a" * (4096 + over), truncated=bool(over))
    assert isinstance(event, events.DeviceAddedEvent)
    assert event.dev_alias == "a" * 4096
    rig.fire("tunable", ((b"k" * 80, b"v" * (256 + over)),), truncated=bool(over))
    rig.fire("tunable", ((b"k", 1),) * (60 + over), truncated=bool(over))
    end = (0, b"", b"")
    rig.fire("graphics", 0, end, end, b"", ((b"t", b"n"),) * (16 + over), truncated=bool(over))


def test_a_long_reason_is_cut_and_marked(rig: FiringRig) -> None:
    for reason in ("e" * 1000, "e" * 1001):
        rig.pipe.put(records.connection(up=False, reason=reason))
        payload = rig.receive()[1]
        event = wire.decode(payload)
        assert wire.encode(event) == payload
        assert isinstance(event, events.ConnectionEvent)
        assert (event.reason, event.truncated) == ("e" * 1000, len(reason) > 1000)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.binary(max_size=300).filter(lambda b: b"\0" not in b),
    event=st.integers(-(2**31), 2**31 - 1),
    detail=st.integers(-(2**31), 2**31 - 1),
    uuid_bytes=st.binary(min_size=16, max_size=16),
)
def test_any_name_and_number_survives(
    rig: FiringRig, name: bytes, event: int, detail: int, uuid_bytes: bytes
) -> None:
    rig.pipe.put(record(0, uuid=uuid_bytes, name=name, event=event, detail=detail))
    topic, payload = rig.receive()
    assert topic.endswith(str(uuid.UUID(bytes=uuid_bytes)))
    decoded = wire.decode(payload)
    assert wire.encode(decoded) == payload
    assert isinstance(decoded, events.LifecycleEvent)
    assert decoded.event == kinds.name_of(kinds.LIFECYCLE_EVENTS, event)
    assert decoded.detail == kinds.detail_name(event, detail)
    if all(byte < 128 for byte in name):
        assert decoded.name == name.decode()
