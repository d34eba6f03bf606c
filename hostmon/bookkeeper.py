"""The bookkeeper: a thread that holds the account against libvirt's list, and looks at images.

Events keep the account current; this finds what libvirt does not announce (changed configurations,
hot-plugged vCPUs, cells, disks) and heals it. Works on a connection of its own, so that nobody else
waits for it; if it hangs, only its readings grow old.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

import msgspec

from hostmon.account import Binding, GuestClaim, HostAccount
from hostmon.audit import Auditor, Report
from hostmon.claims import bindings_of, claim_of
from hostmon.errors import GuestNotFoundError, HostmonError
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.images.declared import disks_of
from hostmon.images.storage import Disk, Storage
from hostmon.images.survey import Survey
from hostmon.ledger import HostLedger
from hostmon.machine.files import HERE, Roots
from hostmon.machine.memory import read_memory
from hostmon.machine.sysfs import read_topology
from hostmon.machine.topology import Topology
from hostmon.xml.domain import Domain

log = logging.getLogger(__name__)

COMPARE_S = 15.0
SURVEY_S = 300.0
STOP_S = 1.0


class Entry(msgspec.Struct, frozen=True):
    """What one guest's documents say; ``documents`` are those it was read from."""

    documents: tuple[str | None, str | None]
    claim: GuestClaim
    bindings: tuple[Binding, ...]
    disks: tuple[Disk, ...]


class Bookkeeper:
    """Compares every ``compare_s`` seconds, and surveys images every ``survey_s``.

    ``storage`` is the latest survey, ``report`` the latest comparison; None before the first.
    """

    def __init__(
        self,
        ledger: HostLedger,
        connect: Callable[[], Host],
        *,
        compare_s: float = COMPARE_S,
        survey_s: float = SURVEY_S,
        survey: Survey | None = None,
        roots: Roots = HERE,
    ) -> None:
        self.auditor = Auditor(ledger)
        self.storage: Storage | None = None
        self.report: Report | None = None
        self.compared_at = 0.0
        self._ledger = ledger
        self._connect = connect
        self._compare_s = compare_s
        self._survey_s = survey_s
        self._survey = survey or Survey(roots)
        self._roots = roots
        self._topology: Topology = read_topology(roots)
        self._entries: dict[bytes, Entry] = {}
        self._surveyed = -survey_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bookkeeper", daemon=True)

    def start(self) -> None:
        """Begin, with a comparison at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; a thread that hangs in libvirt is left behind after STOP_S seconds."""
        self._stop.set()
        self._thread.join(STOP_S)

    def account(self) -> HostAccount:
        """The account now, with the latest readings; from any thread, without waiting."""
        return self._ledger.account(read_memory(self._roots), self.storage, self._topology)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._connect() as host:
                    while not self._stop.is_set():
                        self.turn(host)
                        self._stop.wait(self._compare_s)
            except HostmonError as error:
                log.info("the account is not compared: %s", error)
                self._stop.wait(self._compare_s)

    def turn(self, host: Host) -> None:
        """Compare once, and survey if it is time; raises HostmonError when libvirt fails."""
        self._topology = read_topology(self._roots)
        self.compare(host)
        if time.monotonic() - self._surveyed >= self._survey_s:
            self.survey()
            self._surveyed = time.monotonic()

    def compare(self, host: Host) -> Report:
        """Hold the account against what libvirt lists, and heal it."""
        mark = self.auditor.mark()
        entries: dict[bytes, Entry] = {}
        for guest in host.list_guests():
            with contextlib.suppress(GuestNotFoundError):  # gone since the list: so says an event
                entries[guest.uuid.bytes] = self._entry(guest)
        self.report = self.auditor.compare((one.claim for one in entries.values()), mark)
        self.compared_at = time.time()
        self._entries = entries
        for uuid, entry in entries.items():
            self._ledger.bind(uuid, entry.bindings)
        for wrong in self.report.disagreements:
            log.info("the account was wrong about %s: %s", wrong.uuid.hex(), wrong)
        return self.report

    def survey(self) -> Storage:
        """Look at every guest's images, and tell the ledger what they occupy."""
        disks = [disk for entry in self._entries.values() for disk in entry.disks]
        storage = self._survey.run(disks)
        for uuid in self._entries:
            self._ledger.disk(uuid, *storage.of(uuid))
        self.storage = storage
        return storage

    def _entry(self, guest: Guest) -> Entry:
        """A guest's documents understood, again only if they differ from the last ones."""
        uuid = guest.uuid.bytes
        facts = guest.facts()
        live = guest.xml() if guest.id >= 0 else None
        config = guest.xml(inactive=True) if facts.persistent else None
        known = self._entries.get(uuid)
        if known is not None and known.documents == (live, config):
            return known
        running = None if live is None else Domain.parse(live)
        defined = None if config is None else Domain.parse(config)
        shown = running or defined
        return Entry(
            documents=(live, config),
            claim=claim_of(uuid, running, defined),
            bindings=bindings_of(shown, self._topology) if shown else (),
            disks=tuple(disks_of(uuid, shown)) if shown else (),
        )
