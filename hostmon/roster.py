"""The guests of a snapshot, as the request socket gives them out."""

import msgspec

from hostmon._roster import page as native_page
from hostmon._table import Snapshot
from hostmon.status import GuestStatus

_decode = msgspec.msgpack.Decoder(tuple[GuestStatus, ...]).decode


def array(count: int, items: bytes) -> msgspec.Raw:
    """A MessagePack array of ``count`` items that are encoded already."""
    return msgspec.Raw(b"\xdd" + count.to_bytes(4, "big") + items)


def page(snapshot: Snapshot, row: int) -> tuple[msgspec.Raw, int]:
    """Guests from ``row`` on, 1 MiB of them at most, and the row to go on at, 0 for none."""
    items, count, row = native_page(snapshot.address, row)
    return array(count, items), row


def every_guest(snapshot: Snapshot) -> tuple[GuestStatus, ...]:
    """All of them."""
    found: tuple[GuestStatus, ...] = ()
    row = 0
    while True:
        guests, row = page(snapshot, row)
        found += _decode(guests)
        if not row:
            return found
