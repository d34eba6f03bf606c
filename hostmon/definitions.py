"""What guests' XML says, parsed once a definition and again only when it changed.

Owns the facts that labels show, each guest's claim, what it binds and which disks it declares, and
the device keys in the guest table. Asks nobody: the connection keeper brings the documents.
What was understood is kept packed: as objects it takes five times the memory, and is seldom read.
"""

import hashlib
import logging
import uuid as uuidlib
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from hostmon._table import GuestTable
from hostmon.account import Binding, GuestClaim
from hostmon.claims import bindings_of, claim_of
from hostmon.errors import XMLError
from hostmon.facts import GuestFacts, facts_of
from hostmon.images.declared import disks_of
from hostmon.images.storage import Disk, Image
from hostmon.images.volumes import Folders, placed
from hostmon.machine.memory import HUGE_PAGE
from hostmon.machine.topology import Topology
from hostmon.xml.domain import Domain

log = logging.getLogger(__name__)

DIGEST = 16
"""Bytes of a digest."""


class Definition(msgspec.Struct, frozen=True, array_like=True):
    """One guest's XML, understood.

    ``disks`` and ``interfaces`` are key and target of each, as the guest table wants them,
    ``images`` the disks that may take room on this host.
    """

    facts: GuestFacts
    claim: GuestClaim
    bindings: tuple[Binding, ...]
    images: tuple[Disk, ...]
    disks: list[tuple[bytes, bytes]]
    interfaces: list[tuple[bytes, bytes]]


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Definition).decode

DiskSizes = tuple[bytes, bytes, tuple[int | None, int | None, int | None], int]
"""What a look told of a disk: target, the path's digest, sizes, and when, 0 if it told nothing."""

GuestSizes = tuple[bytes, bytes, list[DiskSizes]]
"""Of a guest's disks; the digest is that of the definition that has all of them there, or empty."""

_unpack_sizes = msgspec.msgpack.Decoder(list[GuestSizes]).decode
NO_SIZES = _pack([])
UNKNOWN = (None, None, None)

Bind = Callable[[bytes, Iterable[Binding]], bool]
"""Tells the account what a guest binds; false if nothing changed."""


class Definitions:
    """Every guest's definition; written by one thread, read by any.

    ``topology`` is the host's, to whose cells guests may be bound, and ``huge_page`` the size in
    bytes of the pages of those that name none; ``bind`` is told how each is bound.
    ``placements`` counts devices placed in the table.
    """

    def __init__(
        self,
        table: GuestTable,
        topology: Topology | None = None,
        bind: Bind = lambda _uuid, _bindings: False,
        huge_page: int = HUGE_PAGE,
    ) -> None:
        self._table = table
        self._topology = topology or Topology(arch="", cells=())
        self._bind = bind
        self._huge_page = huge_page
        self._known: dict[bytes, bytes] = {}
        self._unplaced: set[bytes] = set()
        self._refused: dict[bytes, bytes] = {}
        self._capacities: dict[bytes, int | None] = {}  # by the paths' digests
        self._folders: Folders = {}
        self._looked: dict[
            str, str | None
        ] = {}  # in which volumes were placed, by the pools that guests use
        self._sizes = NO_SIZES
        self.placements = 0

    def __len__(self) -> int:
        return len(self._known)

    def describe(self, uuid: str) -> GuestFacts | None:
        """A guest's facts by its uuid; None while its XML has not been read."""
        known = self._known.get(uuidlib.UUID(uuid).bytes)
        return None if known is None else unpacked(known).facts

    def uuids(self) -> set[bytes]:
        """The guests whose XML has been read."""
        return set(self._known)

    def images(self) -> list[Disk]:
        """The disks of all guests that may take room on this host, with the capacities known.

        libvirt tells them of guests that run; a path keeps what was told until nobody declares it.
        For one thread.
        """
        same: dict[str, str] = {}  # few texts, of many disks
        folders = self._folders
        declared = [
            (uuid, disk)
            for uuid, known in list(self._known.items())
            for disk in unpacked(known).images
        ]
        self._looked = {one.pool: folders.get(one.pool) for _, one in declared if one.pool}
        disks = [
            Disk(
                uuid,
                disk.path,
                same.setdefault(disk.format, disk.format),
                self._capacity(disk),
                same.setdefault(disk.target, disk.target),
                disk.pool,
            )
            for uuid, one in declared
            if (disk := placed(one, folders)) is not None
        ]
        told = (disk for disk in disks if disk.capacity is not None)
        self._capacities = {digest_of(disk.path): disk.capacity for disk in told}
        return disks

    def place_pools(self, folders: Folders) -> None:
        """Where pools have their volumes now; of one that guests use, what was known stays."""
        used = self._looked
        kept = {pool: folder for pool, folder in self._folders.items() if pool in used}
        self._folders = kept | dict(folders)

    def pools_moved(self) -> bool:
        """Whether volumes of guests are elsewhere than when their disks were last listed."""
        return any(self._folders.get(pool) != folder for pool, folder in self._looked.items())

    def _capacity(self, disk: Disk) -> int | None:
        told = self._table.disk_capacity(disk.guest, encoded(disk.target))
        return self._capacities.get(digest_of(disk.path)) if told is None else told

    def place_sizes(self, images: Iterable[Image], now_ns: int) -> None:
        """Tell the table how large disks are whose guests do not run, as seen at ``now_ns``.

        Of a disk that is there and can't be read, the capacity stays that was known, and it makes
        nothing younger.
        """
        found: dict[bytes, list[DiskSizes]] = {}
        for image in images:
            found.setdefault(image.disk.guest, []).append(sizes_of(image, now_ns))
        self._sizes = _pack(
            [(guest, self._having(guest, disks), disks) for guest, disks in found.items()]
        )
        self.place_sizes_again()

    def _having(self, guest: bytes, disks: list[DiskSizes]) -> bytes:
        """The digest of a guest's definition, if it has these disks where they were looked at."""
        known = self._known.get(guest)
        if known is None or not self._places_of(known).issuperset(disk[:2] for disk in disks):
            return b""
        return known[:DIGEST]

    def _places_of(self, known: bytes) -> set[tuple[bytes, bytes]]:
        """Target and digest of the path of each disk that a kept definition has."""
        disks = (placed(disk, self._folders) for disk in unpacked(known).images)
        return {(encoded(disk.target), digest_of(disk.path)) for disk in disks if disk is not None}

    def place_sizes_again(self) -> None:
        """Tell the table the same once more: guests that ran then may have stopped.

        A disk that is another file by now has no sizes until it is looked at.
        """
        for guest, digest, disks in _unpack_sizes(self._sizes):
            known = self._known.get(guest)
            if known is None:
                continue
            same = bool(digest) and known.startswith(digest)
            places = () if same else self._places_of(known)
            for target, path, sizes, seen_ns in disks:
                if same or (target, path) in places:
                    self._table.set_disk_sizes(guest, target, sizes, seen_ns)
                else:
                    self._table.set_disk_sizes(guest, target, UNKNOWN)

    def read(self, uuid: bytes, live: str | None, config: str | None) -> Definition | None:
        """A guest's documents understood: of what runs, and of its next start, or None.

        None for documents that can't be understood, which is told once. What is known already is
        not parsed again; nothing is kept.
        """
        read = self._read(uuid, live, config)
        return None if read is None else unpacked(read)

    def _read(self, uuid: bytes, live: str | None, config: str | None) -> bytes | None:
        """The same as it is kept: behind the digest of the documents."""
        digest = digest_of(live, config)
        known = self._known.get(uuid, b"")
        if known.startswith(digest):
            return known
        try:
            read = self._understood(uuid, live, config)
            return None if read is None else digest + _pack(read)
        except (XMLError, OverflowError) as error:  # a number may be larger than any computer's
            if self._refused.get(uuid) != digest:
                named = uuidlib.UUID(bytes=uuid)
                log.warning("guest %s: its XML is not understood: %s", named, error)
            self._refused[uuid] = digest
            return None

    def _understood(self, uuid: bytes, live: str | None, config: str | None) -> Definition | None:
        running = Domain.parse(live) if live is not None else None
        defined = Domain.parse(config) if config is not None else None
        shown = running or defined
        if shown is None:
            return None
        return Definition(
            facts_of(shown),
            claim_of(uuid, running, defined),
            bindings_of(shown, self._topology, self._huge_page),
            tuple(disks_of(uuid, shown)),
            disk_keys(shown),
            interface_keys(shown),
        )

    def update(self, uuid: bytes, live: str | None, config: str | None) -> Definition | None:
        """Take a guest's documents: what they say, once ``place`` has succeeded.

        None, and what was known of the guest stays, if they can't be understood.
        """
        read = self._read(uuid, live, config)
        if read is None:
            return None
        if read is not self._known.get(uuid):
            self._known[uuid] = read
            self._unplaced.add(uuid)
        return unpacked(read)

    def place(self) -> bool:
        """Tell table and account what changed; False while a guest has no row yet.

        A row is the dispatcher's to make, and what the keeper learnt may be ahead of it.
        """
        for uuid in list(self._unplaced):
            known = unpacked(self._known[uuid])
            if self._table.set_devices(uuid, known.disks, known.interfaces):
                self._bind(uuid, known.bindings)
                self._unplaced.discard(uuid)
                self.placements += 1
        return not self._unplaced

    def forget(self, uuid: bytes) -> None:
        """The guest is gone."""
        self._known.pop(uuid, None)
        self._refused.pop(uuid, None)
        self._unplaced.discard(uuid)

    def keep_only(self, uuids: set[bytes]) -> set[bytes]:
        """Forget every guest but these; who was forgotten."""
        gone = (self._known.keys() | self._refused.keys()) - uuids
        for uuid in gone:
            self.forget(uuid)
        return gone


def unpacked(kept: bytes) -> Definition:
    """A definition as it is kept, behind its digest."""
    return _unpack(memoryview(kept)[DIGEST:])


def digest_of(*documents: str | None) -> bytes:
    """A short name for these documents: equal for equal ones."""
    digest = hashlib.blake2b(digest_size=DIGEST)
    for document in documents:
        text = b"" if document is None else document.encode(errors="surrogatepass")
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.digest()


def sizes_of(image: Image, now_ns: int) -> DiskSizes:
    """What was found of a disk at ``now_ns``."""
    unread = image.virtual is None and image.state != "missing"
    capacity = image.disk.capacity if unread else image.virtual
    seen_ns = 0 if unread and image.allocated is None else now_ns
    sizes = capacity, image.allocated, image.physical
    return encoded(image.disk.target), digest_of(image.disk.path), sizes, seen_ns


def disk_keys(domain: Domain) -> list[tuple[bytes, bytes]]:
    """Key and target of each disk: the alias names it for life, the target before it has one."""
    keys = []
    for disk in domain.disks:
        target = (disk.target.dev if disk.target else None) or ""
        keys.append((encoded(disk.alias or target), encoded(target)))
    return keys


def interface_keys(domain: Domain) -> list[tuple[bytes, bytes]]:
    """Key and target of each interface: its MAC address, and the tap it has on the host.

    libvirt lets several have one address: the second's key is ``MAC#2``.
    """
    seen: Counter[str] = Counter()
    keys = []
    for nic in domain.interfaces:
        mac = nic.mac or ""
        seen[mac] += 1
        key = mac if seen[mac] == 1 else f"{mac}#{seen[mac]}"
        keys.append((encoded(key), encoded(nic.target or "")))
    return keys


def encoded(text: str) -> bytes:
    """A name as the table holds it."""
    return text.encode(errors="surrogateescape")
