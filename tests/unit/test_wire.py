"""The wire format: golden bytes, tolerance of newer and older peers, and the page about it."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hostmon import events, wire
from hostmon.account import Sums
from hostmon.errors import ProtocolError
from hostmon.granting import RESOURCES, STATES
from hostmon.numbers import ClassSequence, KindLoss
from hostmon.status import QUESTIONS, ClaimAnswer, ClaimWanted, Request

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "wire"
PAGE = ROOT / "docs" / "wire.md"

COMMON: dict[str, Any] = {
    "epoch": 1_700_000_000_000_000_000,
    "sequence": 12,
    "kind_previous": 11,
    "host": "node-1",
    "time_ns": 1_700_000_001_000_000_000,
    "monotonic_ns": 5_000_000_000,
}
GUEST: dict[str, Any] = {
    "uuid": "6695eb01-f6a4-8304-79aa-97f2502e193f",
    "name": "web-1",
    "id": 3,
    "previous": 9,
}
CLASSES = (
    ClassSequence("lifecycle", 12), ClassSequence("host", 2), ClassSequence("settled", 1),
)  # fmt: skip
SUMS = Sums(
    4, 6, 2, 10, 6 << 30, 2 << 30, 12 << 30, 5 << 30, 40 << 30, 3, 2, 1, 4, 4 << 30, 20 << 30, 1
)
CLAIM = "0b2b1bd6-6b8f-4e53-9b1e-2d4f8f4a7a11"
EXAMPLES: dict[str, Any] = {
    "lifecycle": events.LifecycleEvent(
        **COMMON, **GUEST, event="suspended", detail="paused", state="paused", reason=1,
        persistent=True,
    ),
    "facts": events.FactsEvent(
        **COMMON, **GUEST, state="running", reason=1, vcpus=2, memory=1 << 30,
        memory_max=2 << 30, persistent=True, autostart=False,
    ),
    "stopped": events.StoppedEvent(
        **COMMON, **GUEST, detail="shutdown", stopped_ns=1_700_000_000_500_000_000,
        stop_sequence=11,
    ),
    "rebooted": events.RebootedEvent(
        **COMMON, **GUEST, detail="destroyed", stopped_ns=1_700_000_000_500_000_000,
        stop_sequence=11,
    ),
    "connection": events.ConnectionEvent(**COMMON, state="down", reason="keepalive timeout"),
    "lost": events.LostEvent(**COMMON, kinds=(KindLoss("watchdog", 1), KindLoss("io-error", 3))),
    "heartbeat": events.HeartbeatEvent(**COMMON, classes=CLASSES, sums=SUMS),
    "welcome": events.Welcome(epoch=COMMON["epoch"], host="node-1", classes=CLASSES),
    "claim-request": Request(
        ask="claim", re=8,
        claim=ClaimWanted(
            id=CLAIM, vcpus=4, memory=4 << 30, disk=20 << 30, guest=GUEST["uuid"], ttl=30.0
        ),
    ),
    "claim-again": Request(
        ask="claim", re=8,
        claim=ClaimWanted(
            id=CLAIM, vcpus=4, memory=4 << 30, disk=20 << 30, guest=GUEST["uuid"], ttl=21.5,
            again=True,
        ),
    ),
    "claim-granted": ClaimAnswer(
        re=8, epoch=COMMON["epoch"], host="node-1", id=CLAIM, state="granted", sums=SUMS,
        expires_ns=35_000_000_000,
    ),
    "claim-refused": ClaimAnswer(
        re=8, epoch=COMMON["epoch"], host="node-1", id=CLAIM, state="refused", sums=SUMS,
        resource="vcpus", asked=4, free=3,
    ),
    "release-request": Request(ask="release", re=9, claim=ClaimWanted(id=CLAIM)),
    "replay-request": Request(ask="replay", re=7, after={"lifecycle": 12}, kinds=("lifecycle",)),
}  # fmt: skip


def golden(name: str) -> bytes:
    return bytes.fromhex((GOLDEN / f"{name}.hex").read_text())


@pytest.mark.parametrize("name", EXAMPLES)
def test_golden_bytes(name: str) -> None:
    example = EXAMPLES[name]
    assert msgspec.msgpack.encode(example) == golden(name)
    assert msgspec.msgpack.decode(golden(name), type=type(example)) == example


def test_every_golden_file_is_an_example() -> None:
    assert {path.stem for path in GOLDEN.glob("*.hex")} == set(EXAMPLES)


def test_fields_of_a_newer_peer_are_ignored_and_those_of_an_older_one_default() -> None:
    tree = msgspec.msgpack.decode(golden("lifecycle"))
    newer = wire.decode(msgspec.msgpack.encode(tree | {"colour": "blue", "v": 2}))
    assert msgspec.structs.replace(newer, v=1) == EXAMPLES["lifecycle"]
    del tree["previous"], tree["state"]
    older = wire.decode(msgspec.msgpack.encode(tree))
    assert isinstance(older, events.LifecycleEvent)
    assert (older.previous, older.state) == (0, "nostate")


def test_sums_of_an_older_peer_claim_nothing() -> None:
    tree = msgspec.msgpack.decode(golden("heartbeat"))
    older = wire.decode(msgspec.msgpack.encode(tree | {"sums": tree["sums"][:12]}))
    assert older.sums == msgspec.structs.replace(
        SUMS, vcpus_claimed=0, memory_claimed=0, disk_claimed=0, claims=0
    )
    newer = wire.decode(msgspec.msgpack.encode(tree | {"sums": [*tree["sums"], 7]}))
    assert newer.sums == SUMS


def test_a_kind_of_a_newer_peer_is_told_as_unknown() -> None:
    tree = msgspec.msgpack.decode(golden("lifecycle")) | {"kind": "teleported"}
    event = wire.decode(msgspec.msgpack.encode(tree))
    assert isinstance(event, wire.UnknownEvent)
    assert (event.of_kind, event.sequence) == ("teleported", 12)


def test_a_replay_may_hold_kinds_of_a_newer_peer() -> None:
    tree = msgspec.msgpack.decode(golden("lifecycle"))
    array = msgspec.Raw(msgspec.msgpack.encode([tree, tree | {"kind": "teleported"}, tree]))
    first, second, third = wire.decode_many(array)
    assert first == third == EXAMPLES["lifecycle"]
    assert isinstance(second, wire.UnknownEvent)


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x81\xa4kind\xa1\x81", b"\x80", b"\x92\x01\x02", b"GET / HTTP/1.1"]
)
def test_garbage_is_a_protocol_error(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        wire.decode(payload)
    with pytest.raises(ProtocolError):
        wire.decode_welcome(payload)
    with pytest.raises(ProtocolError):
        wire.split(payload)


def test_the_page_shows_the_golden_bytes() -> None:
    shown = re.findall(r"```hex (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert {name for name, _ in shown} >= {
        "lifecycle", "lost", "welcome", "replay-request",
        "claim-request", "claim-granted", "claim-refused", "release-request",
    }  # fmt: skip
    for name, text in shown:
        assert bytes.fromhex(text) == golden(name)


def test_the_page_names_every_kind_and_code() -> None:
    page = PAGE.read_text()
    from hostmon.kinds import CLASS_OF

    for word in (
        *CLASS_OF,
        *QUESTIONS,
        *STATES[1:],
        *RESOURCES[1:],
        "malformed",
        "unknown",
        "beyond",
        "expired",
        "unready",
        "rate",
    ):
        assert f"`{word}`" in page, word
