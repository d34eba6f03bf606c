"""The slow comparison of the account with libvirt's own list, and its healing.

Owns what counts as a disagreement. Takes a list that somebody else has fetched: no call here waits
for anything.
"""

import uuid as uuidlib
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from hostmon._ledger import ClaimFields, Ledger
from hostmon.account import GuestClaim

FIELDS = ("active", "defined", "vcpus", "memory", "defined_vcpus", "defined_memory")


class Disagreement(msgspec.Struct, frozen=True):
    """One field in which the account was wrong about a guest; ``field`` names it in metrics."""

    uuid: bytes
    field: str
    recorded: int
    found: int

    def __str__(self) -> str:
        """One line for a log."""
        guest = uuidlib.UUID(bytes=self.uuid)
        return f"guest {guest}: {self.field} {self.recorded}, found {self.found}; healed"


class Report(msgspec.Struct, frozen=True):
    """One audit: what was wrong and is now right, and how many guests changed meanwhile."""

    guests: int
    disagreements: tuple[Disagreement, ...]
    skipped: int

    def differences(self) -> dict[str, int]:
        """By how much the account was wrong in each field, all guests together."""
        found = dict.fromkeys(FIELDS, 0)
        for one in self.disagreements:
            found[one.field] += abs(one.found - one.recorded)
        return found


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

    def compare(
        self,
        found: Iterable[GuestClaim],
        mark: int,
        settle: Callable[[], object] = lambda: None,
    ) -> Report:
        """Hold the account against every guest that libvirt lists, and heal the account.

        ``settle`` is called once something looks wrong: events that were under way when libvirt was
        asked may arrive while it waits, and a guest that one of them changes is not judged.
        """
        recorded = dict(self._ledger.claims())
        removed_since = self._ledger.sums()["removals"] > mark
        suspects: list[tuple[GuestClaim, list[Disagreement]]] = []
        guests = skipped = 0
        for guest in found:
            guests += 1
            claim = recorded.pop(guest.uuid, None)
            if (claim is None and removed_since) or (claim is not None and claim[-1] > mark):
                skipped += 1
            elif wrong := disagreements(guest, claim):
                suspects.append((guest, wrong))
        for uuid, claim in recorded.items():
            gone = GuestClaim(uuid, active=False, defined=False)
            if claim[-1] > mark:
                skipped += 1
            elif wrong := disagreements(gone, claim):
                suspects.append((gone, wrong))
        if suspects:
            settle()
        healed = [one for guest, wrong in suspects if self._heal(guest, mark) for one in wrong]
        self.runs += 1
        self.healed.update(one.field for one in healed)
        return Report(guests, tuple(healed), skipped)

    def _heal(self, guest: GuestClaim, mark: int) -> bool:
        """Make the claim what libvirt says; false if an event came first."""
        return self._ledger.heal(
            guest.uuid,
            mark,
            active=guest.active,
            defined=guest.defined,
            vcpus=guest.vcpus,
            memory=guest.memory,
            defined_vcpus=guest.defined_vcpus,
            defined_memory=guest.defined_memory,
        )


def disagreements(guest: GuestClaim, claim: ClaimFields | None) -> list[Disagreement]:
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
