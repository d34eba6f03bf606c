"""A snapshot put together from its pages (docs/wire.md, "Questions"). No socket, no clock."""

import msgspec

from hostmon.errors import ProtocolError
from hostmon.status import GuestStatus, Request, SnapshotAnswer

# Of one host: an agent that always has a further page is not believed. Nor is one whose page brings
# no guest nearer to the last.
MOST_GUESTS = 100_000

_guests = msgspec.msgpack.Decoder(list[GuestStatus])


class Pages:
    """The pages of one snapshot that have come; ``guests`` are those of them all."""

    def __init__(self) -> None:
        self.guests: list[GuestStatus] = []
        self._epoch = 0

    def begin(self) -> Request:
        """Forget what has come; the question for the first page."""
        self.guests = []
        return Request(ask="snapshot")

    def take(self, page: SnapshotAnswer, asked: Request) -> Request | None:
        """Add a page; what to ask for next, None where it was the last one.

        Raises ProtocolError for pages that make no snapshot, and what decoding raises.
        """
        if asked.id and page.epoch != self._epoch:  # its numbers begin anew with each run
            return self.begin()
        guests = _guests.decode(page.guests)
        if page.row and not (guests and page.row > asked.row):
            raise ProtocolError(f"a page of {len(guests)} guests, row {page.row}, leads nowhere")
        if len(self.guests) + len(guests) > MOST_GUESTS:
            raise ProtocolError(f"a snapshot of more than {MOST_GUESTS} guests: none has them")
        self.guests += guests
        self._epoch = page.epoch
        return Request(ask="snapshot", id=page.id, row=page.row) if page.row else None
