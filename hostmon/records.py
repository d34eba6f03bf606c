"""Records that the agent itself puts into the pipe, beside those of libvirt's callbacks."""

import struct

import msgspec

from hostmon import kinds
from hostmon._pipe import record
from hostmon.account import GuestClaim, HostAccount
from hostmon.driver.virt import GuestDescription

# Beyond the kinds of events: messages to the dispatcher (ext/record.pxd).
FACTS = 64
RESYNC_BEGIN = 65
RESYNC_GUEST = 66
RESYNC_END = 67
GONE = 68

# The body of FACTS and RESYNC_GUEST: struct Facts of ext/record.pxd, in host order, packed.
_FACTS = struct.Struct("=iiQQQQQQQBB")

LONGEST_REASON = 1000  # characters of why a connection ended

_encode = msgspec.msgpack.encode


def connection(*, up: bool, reason: str) -> bytes:
    """The event that the connection to libvirt came up or went down."""
    state = kinds.CONNECTION_STATES[up]
    body = _encode("state") + _encode(state) + _encode("reason") + _encode(reason[:LONGEST_REASON])
    return record(
        kinds.NUMBERS["connection"],
        event=int(up),
        fields=2,
        body=body,
        truncated=len(reason) > LONGEST_REASON,
    )


def account(now: HostAccount) -> bytes:
    """The event that more of the account has changed than events of guests tell."""
    body = _encode("account") + _encode(now)
    return record(kinds.NUMBERS["account"], fields=1, body=body)


def facts(guest: GuestDescription, asked_ns: int, claim: GuestClaim, *, resync: bool) -> bytes:
    """What a hypervisor says of a guest, true at ``asked_ns`` or later (CLOCK_MONOTONIC)."""
    body = _FACTS.pack(
        guest.state,
        guest.reason,
        guest.vcpus,
        claim.vcpus_max,
        guest.memory,
        guest.memory_max,
        guest.cpu_time_ns,
        claim.defined_vcpus,
        claim.defined_memory,
        guest.persistent,
        guest.autostart,
    )
    return record(
        RESYNC_GUEST if resync else FACTS,
        uuid=guest.uuid.bytes,
        name=guest.name.encode(errors="surrogateescape"),
        id=guest.id,
        body=body,
        monotonic=asked_ns,
    )


def gone(uuid: bytes, asked_ns: int) -> bytes:
    """libvirt knew no such guest when asked at ``asked_ns``."""
    return record(GONE, uuid=uuid, monotonic=asked_ns)


def resync_begin() -> bytes:
    """Everything that libvirt lists follows."""
    return record(RESYNC_BEGIN)


def resync_end(began_ns: int) -> bytes:
    """All was listed; a guest not listed, and not heard of since ``began_ns``, is gone."""
    return record(RESYNC_END, monotonic=began_ns)
