"""What the agent answers to claims: room for guests that are to be, granted or refused.

A host's room is given away here alone: the ledger decides in the one lock that every change of the
account takes (ext/granting.pxd). What the answers mean is docs/wire.md, "Claims".
"""

import logging
import math
import time
import uuid
from collections.abc import Callable
from typing import Protocol

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from hostmon._grants import GrantFields, Grants
from hostmon._ledger import Ledger
from hostmon.account import HostAccount, Resource, Sums
from hostmon.errors import RefusedError
from hostmon.grace import LOOK_S, SECOND, Grace
from hostmon.status import ClaimAnswer, ClaimsStatus, ClaimWanted

log = logging.getLogger(__name__)

QUIET_S = 10  # between two lines about looks that fail, four times a second
STATES = ("", "granted", "confirmed", "expired", "released")
RESOURCES = ("", "vcpus", "memory", "disk", "hugepages", "guest", "claims")
"""What a claim may be refused for, in the order of ext/granting.pxd."""


class AccountView(Protocol):
    """The agent, as far as claims go."""

    def account(self) -> HostAccount:
        """The host's account now."""

    def is_current(self) -> bool:
        """Whether the account is what the hypervisor last told: of every guest, and its size."""


class Granting:
    """Grants claims on one ledger; ``wake`` has the account told to subscribers.

    For the first ``grace`` seconds in which anything can be granted, only what was granted by
    another run of the agent is: its holders come first. `look` is to be called meanwhile.
    """

    def __init__(
        self,
        view: AccountView,
        ledger: Ledger,
        wake: Callable[[], object],
        epoch: int = 0,
        host: str = "",
        clock: Callable[[], int] = time.monotonic_ns,
        *,
        grace: float = 0.0,
    ) -> None:
        self._view = view
        self._grace = Grace(grace, self._may_grant, clock)
        self._epoch, self._host = epoch, host
        self._ledger = ledger
        self._grants = Grants(ledger)
        self._wake = wake
        self._clock = clock
        self._failed_looks = 0
        self._quiet_ns = 0  # nothing is logged again before

    def claim(self, re: int, wanted: ClaimWanted | UnsetType, peer: bytes = b"") -> ClaimAnswer:
        """Grant it or say why not; the same claim again is answered as it stands.

        ``peer`` names whoever asks, of all claims of whom a share may hold room; b"": nobody.

        Raises RefusedError for one that is none, or while the account may be behind.
        """
        wanted, key = checked(wanted)
        known = self._grants.granted(key)
        if known is None:
            return self._decide(re, wanted, key, owner_of(peer))
        if not same(known, wanted, self._ledger):
            raise RefusedError(f"claim.id {wanted.id!r} was used for another claim; make a new one")
        self._grants.expire(self._clock())
        return self._answer(re, wanted.id, key)

    def release(self, re: int, wanted: ClaimWanted | UnsetType) -> ClaimAnswer:
        """Give back what was granted, unless its guest has started."""
        wanted, key = checked(wanted)
        if self._grants.release(key):
            self._wake()
        return self._answer(re, wanted.id, key)

    def look(self) -> float | None:
        """Seconds until this is to be called again; None: never. One that fails is repeated."""
        try:
            left = self._grace.look()
        except Exception:
            self._failed_looks += 1
            if self._clock() >= self._quiet_ns:
                log.exception("whether claims may be granted can't be told; tried again")
                self._quiet_ns = self._clock() + QUIET_S * SECOND
            return LOOK_S
        return LOOK_S if left else None

    def status(self) -> ClaimsStatus:
        """Counts since the agent's start."""
        granted, confirmed, expired, released, refused = self._grants.counts
        return ClaimsStatus(
            outstanding=self._ledger.sums()["claims"],
            granted=granted,
            confirmed=confirmed,
            expired=expired,
            released=released,
            refused=refused,
            failed_looks=self._failed_looks,
        )

    def _decide(self, re: int, wanted: ClaimWanted, key: bytes, owner: int) -> ClaimAnswer:
        if not (wanted.vcpus or wanted.memory or wanted.disk):
            raise RefusedError("claim: of nothing; give vcpus, memory or disk")
        if not self._view.is_current():
            raise RefusedError(
                "the account may be behind: the hypervisor is away, or whether some guests run, "
                "or of what size, is not known yet; ask again, or another host",
                "unready",
            )
        left = self._grace.look()
        if left > 0 and wanted.again is not True:
            raise RefusedError(
                f"the agent has just started: for {left:.1f} s more it grants only what its former "
                "run had granted; ask again, or another host",
                "unready",
            )
        account = self._view.account()
        if unread(account, wanted):
            raise RefusedError("how large the host is was not read yet; ask again", "unready")
        pool = self._ledger.pool_of(wanted.page_size)
        now = self._clock()
        short, free = self._grants.grant(
            key,
            uuid.UUID(wanted.guest).bytes if wanted.guest else None,
            wanted.vcpus,
            wanted.memory,
            wanted.disk,
            -1 if pool is None else pool,
            now + int(wanted.ttl * SECOND),
            now,
            room_of(account, wanted.page_size),
            owner,
        )
        if not short:
            self._wake()
            return self._answer(re, wanted.id, key)
        resource = RESOURCES[short]
        return replace(
            self._answer(re, wanted.id, key),
            state="refused",
            resource=resource,
            asked=asked_of(wanted, resource),
            free=free,
        )

    def _may_grant(self) -> bool:
        return self._view.is_current() and self._view.account().vcpus.total > 0

    def _answer(self, re: int, name: str, key: bytes) -> ClaimAnswer:
        """How a claim stands, and the account's sums now."""
        found = self._grants.granted(key)
        return ClaimAnswer(
            re=re,
            epoch=self._epoch,
            host=self._host,
            id=name,
            state=STATES[found[0]] if found else "unknown",
            expires_ns=found[6] if found else 0,
            sums=told(self._ledger),
        )


def checked(wanted: ClaimWanted | UnsetType) -> tuple[ClaimWanted, bytes]:
    """A claim and the bytes of its id; raises RefusedError where one of them is none."""
    if wanted is UNSET:
        raise RefusedError("claim: missing; give a map with at least an id")
    for name in ("id", "guest"):
        value = getattr(wanted, name)
        try:
            if value or name == "id":
                uuid.UUID(value)
        except ValueError:
            raise RefusedError(f"claim.{name} {value!r}: give a UUID") from None
    if not math.isfinite(wanted.ttl):
        raise RefusedError(f"claim.ttl {wanted.ttl}: give 1 to 3600 seconds")
    return wanted, uuid.UUID(wanted.id).bytes


def owner_of(peer: bytes) -> int:
    """A number for a peer, 0 for nobody."""
    return hash(peer) % (1 << 64) if peer else 0


def same(known: GrantFields, wanted: ClaimWanted, ledger: Ledger) -> bool:
    """Whether a claim asks for what was granted under its id."""
    guest = uuid.UUID(wanted.guest).bytes if wanted.guest else None
    size = (wanted.vcpus, wanted.memory, wanted.disk, ledger.pool_of(wanted.page_size))
    return known[1:6] == (guest, *size)


def unread(account: HostAccount, wanted: ClaimWanted) -> bool:
    """Whether what a claim asks for is yet to be read: the hypervisor's, or the disks' sizes.

    Disks that stay unknown have no room; of what was granted before, they were known.
    """
    if wanted.again is True and wanted.disk and account.disk_available_least is None:
        return True
    return account.vcpus.total == 0


def room_of(account: HostAccount, page_size: int) -> tuple[int, int, int, int, int, int, int]:
    """Total and capacity of each resource, and the bytes in pages of a size.

    Of a disk nothing while what is least available of it is unknown: nobody places by a guess.
    """
    pages = sum(pool.total * pool.size for pool in account.pages if pool.size == page_size)
    disk = account.disk if account.disk_available_least is not None else Resource(0)
    return (
        account.vcpus.total, account.vcpus.capacity,
        account.memory.total, account.memory.capacity,
        disk.total, disk.capacity,
        pages,
    )  # fmt: skip


def asked_of(wanted: ClaimWanted, resource: str) -> int:
    """How much of a resource a claim asks for; 1 of what is not counted."""
    sizes = {
        "vcpus": wanted.vcpus,
        "memory": wanted.memory,
        "hugepages": wanted.memory,
        "disk": wanted.disk,
    }
    return sizes.get(resource, 1)


def told(ledger: Ledger) -> Sums:
    """A ledger's sums now, as they travel."""
    sums = ledger.sums()
    return Sums(**{name: sums[name] for name in Sums.__struct_fields__})  # type: ignore[literal-required]
