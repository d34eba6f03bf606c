"""What can happen on a host, drawn at random and told as libvirt and the keeper would tell it."""

import random
import time
import uuid
from collections.abc import Sequence

from hostmon import kinds, records
from hostmon._pipe import record
from hostmon.account import GuestClaim
from hostmon.driver.virt import GuestDescription
from tests.unit.bus import STARTED, Bus

MIB = 1 << 20
BALLOON_CHANGE = kinds.NUMBERS["balloon-change"]
POOL_REFRESH = kinds.NUMBERS["pool-refresh"]


class Lives:
    """Guests whose lives, sizes and host change: every kind of event that a view follows."""

    def __init__(self, bus: Bus, guests: Sequence[uuid.UUID], seed: int) -> None:
        self._bus = bus
        self._guests = list(guests)
        self._draw = random.Random(seed)
        self._told = 0

    def go_on(self, events: int) -> None:
        """So many events of guests' lives, and what else happens meanwhile."""
        for _ in range(events // 100):
            self._bus.churn(self._guests, 60, self._draw.randrange(1 << 30))
            for _ in range(25):
                self._size(self._draw.choice(self._guests))
            for _ in range(15):
                self._balloon(self._draw.choice(self._guests))
            self._host()

    def end_away(self) -> None:
        """libvirt goes away; of some guests it tells once more, of others not."""
        self._put(records.connection(up=True, reason="test"))
        for guest in self._guests:
            self._size(guest)
        self._put(records.connection(up=False, reason="test"))
        for guest in self._guests[::3]:
            self._bus.rig.put_lifecycle(guest, STARTED, 0, id_=9)

    def _size(self, guest: uuid.UUID) -> None:
        """libvirt, asked, tells another size of it."""
        running = self._draw.random() < 0.7
        vcpus, memory = self._draw.randrange(1, 9), self._draw.randrange(1, 64) * MIB
        told = GuestDescription(
            uuid=guest, name="g", id=7 if running else -1,
            state=kinds.STATE_RUNNING if running else kinds.STATE_SHUTOFF, vcpus=vcpus,
            memory=memory, memory_max=2 * memory, persistent=self._draw.random() < 0.5,
            autostart=self._draw.random() < 0.5,
        )  # fmt: skip
        claim = GuestClaim(
            guest.bytes, running, told.persistent, vcpus, memory, vcpus, memory, vcpus
        )
        self._put(records.facts(told, time.monotonic_ns(), claim, resync=False))

    def _balloon(self, guest: uuid.UUID) -> None:
        actual = self._draw.randrange(1 << 40)
        body = b"\xa6actual\xcf" + actual.to_bytes(8, "big")
        self._put(record(BALLOON_CHANGE, uuid=guest.bytes, name=b"g", fields=1, body=body))

    def _host(self) -> None:
        """The connection goes or comes, the account's cells are told, a pool is refreshed."""
        self._told += 1
        self._put(records.connection(up=self._told % 2 == 0, reason="test"))
        account = self._bus.rig.ledger.account(traits=(f"CUSTOM_{self._told}",))
        self._put(records.account(account))
        self._put(record(POOL_REFRESH, uuid=bytes(16), name=b"pool"))

    def _put(self, told: bytes) -> None:
        assert self._bus.rig.pipe.put(told)
