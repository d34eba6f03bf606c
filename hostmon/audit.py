"""The slow comparison of the account with libvirt's own list, and its healing.

Owns what counts as a disagreement. Takes a list that somebody else has fetched: no call here waits
for anything.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from hostmon._ledger import Ledger
from hostmon.account import GuestClaim

if TYPE_CHECKING:
    from hostmon._ledger import ClaimFields


class Disagreement(msgspec.Struct, frozen=True):
    """One field in which the account was wrong about a guest; ``field`` names it in metrics."""

    uuid: bytes
    field: str
    recorded: int
    found: int


class Report(msgspec.Struct, frozen=True):
    """One audit: what was wrong and is now right, and how many guests changed meanwhile."""

    guests: int
    disagreements: tuple[Disagreement, ...]
    skipped: int


FIELDS = ("active", "defined", "vcpus", "memory", "defined_vcpus", "defined_memory")


class Auditor:
    """Compares, heals and counts.

    Take ``mark()`` before fetching the list: guests that an event changed after it are newer in the
    account than in the list, and left to the next audit.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.runs = 0
        self.healed: Counter[str] = Counter(dict.fromkeys(FIELDS, 0))

    def mark(self) -> int:
        """The number of the account's last change."""
        return self._ledger.sums()["changes"]

    def compare(self, found: Iterable[GuestClaim], mark: int) -> Report:
        """Hold the account against every guest that libvirt lists, and heal the account."""
        recorded = dict(self._ledger.claims())
        removed_since = self._ledger.sums()["removals"] > mark
        wrong: list[Disagreement] = []
        guests = skipped = 0
        for guest in found:
            guests += 1
            claim = recorded.pop(guest.uuid, None)
            if (claim is None and removed_since) or (claim is not None and claim[-1] > mark):
                skipped += 1
                continue
            wrong += self._heal(guest, claim, mark)
        for uuid, claim in recorded.items():
            if claim[-1] > mark:
                skipped += 1
                continue
            wrong += self._heal(GuestClaim(uuid, active=False, defined=False), claim, mark)
        self.runs += 1
        self.healed.update(one.field for one in wrong)
        return Report(guests, tuple(wrong), skipped)

    def _heal(
        self, guest: GuestClaim, claim: "ClaimFields | None", mark: int
    ) -> list[Disagreement]:
        wrong = disagreements(guest, claim)
        if wrong and self._ledger.heal(
            guest.uuid,
            mark,
            active=guest.active,
            defined=guest.defined,
            vcpus=guest.vcpus,
            memory=guest.memory,
            defined_vcpus=guest.defined_vcpus,
            defined_memory=guest.defined_memory,
        ):
            return wrong
        return []  # nothing is wrong, or an event came first


def disagreements(guest: GuestClaim, claim: "ClaimFields | None") -> list[Disagreement]:
    """Every field that differs. A stop that is not settled is no disagreement: the guest is off."""
    if claim is None:
        claim = (False, False, False, 0, 0, 0, 0, 0, 0, 0)
    defined, active, _, vcpus, memory, defined_vcpus, defined_memory, *_ = claim
    pairs: list[tuple[str, int, int]] = [
        ("active", active, guest.active),
        ("defined", defined, guest.defined),
    ]
    if active and guest.active:
        pairs += [("vcpus", vcpus, guest.vcpus), ("memory", memory, guest.memory)]
    if defined and guest.defined:
        pairs += [
            ("defined_vcpus", defined_vcpus, guest.defined_vcpus),
            ("defined_memory", defined_memory, guest.defined_memory),
        ]
    return [
        Disagreement(guest.uuid, field, int(was), int(now))
        for field, was, now in pairs
        if was != now
    ]
