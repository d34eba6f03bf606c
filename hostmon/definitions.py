"""What guests' XML says, parsed once a definition and again only when it changed.

Owns the facts that labels show, each guest's claim, and the device keys in the guest table. Asks
nobody: the connection keeper brings the documents.
"""

import hashlib
import logging
import uuid as uuidlib

import msgspec

from hostmon._table import GuestTable
from hostmon.account import GuestClaim
from hostmon.claims import claim_of
from hostmon.errors import XMLError
from hostmon.facts import GuestFacts, facts_of
from hostmon.xml.domain import Domain

log = logging.getLogger(__name__)


class Definition(msgspec.Struct, frozen=True):
    """One guest's XML, understood; ``digest`` is that of the documents it was read from.

    ``disks`` and ``interfaces`` are key and target of each, as the guest table wants them.
    """

    digest: bytes
    facts: GuestFacts
    claim: GuestClaim
    disks: list[tuple[bytes, bytes]]
    interfaces: list[tuple[bytes, bytes]]


class Definitions:
    """Every guest's definition; written by one thread, read by any."""

    def __init__(self, table: GuestTable) -> None:
        self._table = table
        self._known: dict[bytes, Definition] = {}
        self._unplaced: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._known)

    def describe(self, uuid: str) -> GuestFacts | None:
        """A guest's facts by its uuid; None while its XML has not been read."""
        known = self._known.get(uuidlib.UUID(uuid).bytes)
        return None if known is None else known.facts

    def claim(self, uuid: bytes) -> GuestClaim | None:
        """What a guest claims of the host."""
        known = self._known.get(uuid)
        return None if known is None else known.claim

    def update(self, uuid: bytes, live: str | None, config: str | None) -> bool:
        """Take a guest's documents: of what runs, and of its next start; None where it has none.

        True if they differ from the last ones. A document that can't be understood leaves the guest
        with what was known of it, and is told once.
        """
        digest = digest_of(live, config)
        known = self._known.get(uuid)
        if known is not None and known.digest == digest:
            return False
        try:
            running = Domain.parse(live) if live is not None else None
            defined = Domain.parse(config) if config is not None else None
            shown = running or defined
            if shown is None:
                return False
            facts = facts_of(shown)
            claim = claim_of(uuid, running, defined)
        except XMLError as error:
            log.warning("guest %s: its XML is not understood: %s", uuidlib.UUID(bytes=uuid), error)
            return False
        self._known[uuid] = Definition(
            digest, facts, claim, disk_keys(shown), interface_keys(shown)
        )
        self._unplaced.add(uuid)
        self.place()
        return True

    def place(self) -> bool:
        """Give the guest table the devices of what changed; False while a guest has no row yet.

        A row is the dispatcher's to make, and what the keeper learnt may be ahead of it.
        """
        for uuid in list(self._unplaced):
            known = self._known[uuid]
            if self._table.set_devices(uuid, known.disks, known.interfaces):
                self._unplaced.discard(uuid)
        return not self._unplaced

    def forget(self, uuid: bytes) -> None:
        """The guest is gone."""
        self._known.pop(uuid, None)
        self._unplaced.discard(uuid)

    def keep_only(self, uuids: set[bytes]) -> set[bytes]:
        """Forget every guest but these; who was forgotten."""
        gone = self._known.keys() - uuids
        for uuid in gone:
            self.forget(uuid)
        return gone


def digest_of(*documents: str | None) -> bytes:
    """A short name for these documents: equal for equal ones."""
    digest = hashlib.blake2b(digest_size=16)
    for document in documents:
        text = b"" if document is None else document.encode(errors="surrogatepass")
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.digest()


def disk_keys(domain: Domain) -> list[tuple[bytes, bytes]]:
    """Key and target of each disk: the alias names it for life, the target before it has one."""
    keys = []
    for disk in domain.disks:
        target = (disk.target.dev if disk.target else None) or ""
        keys.append((encoded(disk.alias or target), encoded(target)))
    return keys


def interface_keys(domain: Domain) -> list[tuple[bytes, bytes]]:
    """Key and target of each interface: its MAC address, and the tap it has on the host."""
    return [(encoded(nic.mac or ""), encoded(nic.target or "")) for nic in domain.interfaces]


def encoded(text: str) -> bytes:
    """A name as the table holds it."""
    return text.encode(errors="surrogateescape")
