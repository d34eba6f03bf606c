"""The bookkeeper: a thread that audits the account by the hypervisor's list, and looks at images.

Events keep the account current; this finds what went wrong all the same, heals it and counts it.
Works on a connection of its own, so that nobody else waits for it; if it hangs, only its readings
grow old, and say since when they are true.
"""

import logging
import time
from collections.abc import Callable

import msgspec

from hostmon._ledger import Taken
from hostmon.account import (
    Binding,
    FilesystemAccount,
    GuestClaim,
    HostAccount,
    PagePool,
    Sums,
)
from hostmon.attendant import Attendant
from hostmon.audit import Auditor, Report
from hostmon.claims import bare_claim_of
from hostmon.definitions import Definitions
from hostmon.driver.virt import GuestDescription
from hostmon.hypervisor import Connection
from hostmon.images.storage import Filesystem, Storage
from hostmon.images.survey import Survey
from hostmon.ledger import HostLedger
from hostmon.machine.files import HERE, Roots
from hostmon.machine.identity import MachineIdentity, read_machine
from hostmon.machine.memory import Memory, read_memory
from hostmon.machine.sysfs import read_topology
from hostmon.machine.topology import Cell, Cpu, Topology
from hostmon.machine.traits import traits_of

log = logging.getLogger(__name__)

AUDIT_S = 300.0
WHOLE_S = 15.0
"""How often all of it is compared with that, whatever the ledger says: memory may be plugged in."""
SETTLE_S = 1.0
"""How long events that are under way have before a disagreement counts as one."""
RESURVEY_S, RESURVEY_TIMES = 5.0, 10.0
"""After a survey none is made but for an audit for so long, and so many times what it took."""
NOTHING = Sums(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """What the bookkeeper found last; ``audited_at`` is seconds since 1970, 0 for never."""

    report: Report | None = None
    healed: dict[str, int] = {}
    audits: int = 0
    audited_at: float = 0.0
    machine: MachineIdentity = MachineIdentity()


class Bookkeeper(Attendant):
    """Audits every ``audit_s`` seconds, once ``ready`` says that there is something to audit.

    ``local``: the guests are this machine's, whose kernel and files then tell its size; otherwise
    the hypervisor does, and storage stays unknown. ``publish`` is given the account whenever more
    of it changed than its sums. ``traits`` are added to those of the processors.
    """

    def __init__(
        self,
        ledger: HostLedger,
        definitions: Definitions,
        connect: Callable[[], Connection],
        *,
        local: bool = True,
        audit_s: float = AUDIT_S,
        ready: Callable[[], bool] = lambda: True,
        publish: Callable[[HostAccount], object] = lambda _: None,
        survey: Survey | None = None,
        traits: tuple[str, ...] = (),
        roots: Roots = HERE,
    ) -> None:
        super().__init__("bookkeeper", "audits", connect, ready)
        self.auditor = Auditor(ledger)
        self.storage: Storage | None = None
        self.books = Books(machine=read_machine(roots) if local else MachineIdentity())
        self._ledger = ledger
        self._definitions = definitions
        self._local = local
        self._audit_s = audit_s
        self._publish = publish
        self._survey = survey or Survey(roots)
        self._roots = roots
        self._topology = read_topology(roots) if local else Topology(arch="", cells=())
        own = traits_of(roots.proc / "cpuinfo") if local else ()
        self._traits = tuple(sorted({*own, *traits}))
        self._surveyed_ns = 0
        self._sized_at = (-1, -1)
        self._payers: dict[str, bytes] = {}
        self._imaged: set[bytes] = set()
        self._audit_due = self._resurvey_due = 0.0
        self._told: HostAccount | None = None
        self._told_changes = -1
        self._whole_due = 0.0

    def account(self, taken: Taken | None = None) -> HostAccount:
        """The account now, or of a snapshot, with the latest readings; without waiting."""
        return self._ledger.account(
            self._memory(),
            self.storage,
            self._topology,
            surveyed_ns=self._surveyed_ns,
            traits=self._traits,
            taken=taken,
        )

    def filesystems(self) -> tuple[FilesystemAccount, ...]:
        """Where guests' images are, as of the last look; () before the first."""
        storage = self.storage
        return () if storage is None else tuple(shown(one) for one in storage.filesystems)

    def _memory(self) -> Memory | None:
        return read_memory(self._roots) if self._local else None

    def turn(self, connection: Connection, now: float) -> None:
        """Whatever is due; raises HostmonError when the connection is of no use."""
        if now >= self._audit_due:
            self._topology = read_topology(self._roots) if self._local else outline(connection)
            self.audit(connection)
            if self._local:
                self.survey()
            self._audit_due = time.monotonic() + self._audit_s
            self._whole_due = 0.0
        elif now >= self._resurvey_due and (self._lacks_payer() or self._definitions.pools_moved()):
            self.survey()  # whoever else has shared disks is charged for them, volumes are found
        self.size()
        self.tell()

    def audit(self, connection: Connection) -> Report:
        """Hold the account against what the hypervisor lists, and heal it."""
        mark = self.auditor.mark()
        bindings: dict[bytes, tuple[Binding, ...]] = {}
        claims = [self._claim(guest, bindings) for guest in connection.guests()]
        report = self.auditor.compare(claims, mark, lambda: self._stop.wait(SETTLE_S))
        for uuid, bound in bindings.items():
            self._ledger.bind(uuid, bound)
        for wrong in report.disagreements:
            log.warning("the account was wrong: %s", wrong)
        self.books = msgspec.structs.replace(
            self.books,
            report=report,
            healed=dict(self.auditor.healed),
            audits=self.auditor.runs,
            audited_at=time.time(),
        )
        return report

    def survey(self) -> Storage:
        """Look at every guest's images, and tell the ledger what they occupy.

        Of guests without images too: what was granted for their disks is no longer held. What was
        known of a guest stays while one of its images is unknown.
        """
        began = time.monotonic()
        known = self._definitions.uuids()
        storage = self._survey.run(self._definitions.images())
        guests = storage.by_guest()
        for uuid in guests.keys() | known | self._imaged:
            sizes = guests.get(uuid, (0, 0))
            if sizes is not None:
                self._ledger.disk(uuid, *sizes)
        self._imaged = {uuid for uuid in known if uuid in guests}  # objects that are kept anyway
        # Whoever paid for what hangs did so to the end: it is charged to another once it is known.
        former = {path: self._payers[path] for path in storage.hung & self._payers.keys()}
        self._payers = storage.payers() | former
        self._surveyed_ns = time.monotonic_ns()
        ended = time.monotonic()
        self._resurvey_due = ended + max(RESURVEY_S, RESURVEY_TIMES * (ended - began))
        self.storage = msgspec.structs.replace(storage, images=())  # the table has what they told
        self._definitions.place_sizes(storage.images, self._surveyed_ns)
        return storage

    def _lacks_payer(self) -> bool:
        """Whether a guest is gone with which a shared disk counts."""
        return bool(self._payers) and not self._definitions.uuids().issuperset(
            self._payers.values()
        )

    def size(self) -> None:
        """Tell the table the sizes that the last survey found, of guests that stopped since too."""
        sized_at = self.auditor.mark(), self._definitions.placements
        if sized_at != self._sized_at:
            self._sized_at = sized_at
            self._definitions.place_sizes_again()

    def tell(self) -> None:
        """Publish the account if more of it changed than events tell."""
        changes = self.auditor.mark()
        if changes == self._told_changes and time.monotonic() < self._whole_due:
            return
        self._told_changes, self._whole_due = changes, time.monotonic() + WHOLE_S
        now = self.account()
        shown = steady(now)
        if shown != self._told:
            self._told = shown
            self._publish(now)

    def _claim(
        self, guest: GuestDescription, bindings: dict[bytes, tuple[Binding, ...]]
    ) -> GuestClaim:
        """What a guest claims, and binds, by its documents."""
        uuid = guest.uuid.bytes
        read = self._definitions.read(uuid, guest.live, guest.config)
        if read is None:
            return bare_claim_of(guest)
        bindings[uuid] = read.bindings
        return read.claim


def outline(connection: Connection) -> Topology:
    """Another host, as far as its totals go."""
    host = connection.describe_host()
    cpus = tuple(Cpu(number) for number in range(host.vcpus))
    return Topology(arch=host.cpu_arch, cells=(Cell(0, host.memory, cpus),))


def shown(one: Filesystem) -> FilesystemAccount:
    """A filesystem as others see it."""
    return FilesystemAccount(
        path=one.path,
        type=one.type,
        shared=one.shared,
        total=one.total,
        available=one.available,
        growth=one.growth,
        available_least=one.available_least,
        images=one.images,
        unknown=one.unknown,
    )


def steady(account: HostAccount) -> HostAccount:
    """An account without what changes all the time, and without what events carry."""

    def unfree(pools: tuple[PagePool, ...]) -> tuple[PagePool, ...]:
        return tuple(msgspec.structs.replace(pool, free=None) for pool in pools)

    return msgspec.structs.replace(
        account.counted(NOTHING),
        cells=tuple(
            msgspec.structs.replace(cell, pages=unfree(cell.pages)) for cell in account.cells
        ),
        pages=unfree(account.pages),
        memory_in_use=None,
    )
