"""The agent: every part of one host's monitoring, wired; no logic of its own."""

import logging
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

import hostmon
from hostmon import kinds, records
from hostmon._dispatcher import Dispatcher
from hostmon._ledger import Taken
from hostmon._pipe import EventPipe
from hostmon._sampler import Sampler
from hostmon._table import GuestTable
from hostmon.account import HostAccount
from hostmon.answers import Answers
from hostmon.bookkeeper import Bookkeeper
from hostmon.deaths import DeathNotice
from hostmon.definitions import Definitions
from hostmon.dispatcher import DispatcherThread
from hostmon.exposition import Exposition, Figures, Format, Page
from hostmon.exposition.sources import Sources, groups_shown
from hostmon.figures import figures_of
from hostmon.gate import Gate
from hostmon.held import Held
from hostmon.hypervisor import hypervisor_of
from hostmon.imagecache import image_cache_of
from hostmon.images.survey import Survey
from hostmon.keeper import Keeper
from hostmon.ledger import HostLedger
from hostmon.lister import Lister
from hostmon.machine.cgroups import host_mounts
from hostmon.machine.files import HERE
from hostmon.machine.memory import default_huge_page
from hostmon.machine.sysfs import read_topology
from hostmon.machine.topology import Topology
from hostmon.metrics.choice import shown
from hostmon.own_metrics import StatusCollector, registry_of
from hostmon.publisher import access_of, zmq_library
from hostmon.reading import reading_status
from hostmon.requests import RequestServer
from hostmon.rhythm import Rhythm
from hostmon.roster import every_guest
from hostmon.sampler import KernelSampler
from hostmon.settings import Settings
from hostmon.stats import StatsSampler, oldest, wanted
from hostmon.status import (
    AgentStatus,
    ClassStatus,
    GateStatus,
    GuestStatus,
    KindCount,
)
from hostmon.supervisor import Supervisor
from hostmon.together import Together, Watched

log = logging.getLogger(__name__)

STILL = 5  # heartbeats, and seconds, without a turn of the dispatcher: it stands still


class Agent:
    """One host's agent."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started = time.monotonic()
        self.uri = settings.agent.uri
        self._pipe = EventPipe()
        self._table = GuestTable()
        self._hypervisor = hypervisor_of(settings, self._table)
        local = self._hypervisor.is_local
        topology = read_topology() if local else Topology(arch="", cells=())
        self._ledger = HostLedger(topology, settings.account.offer)
        self._dispatcher = self._event_dispatcher()
        access = access_of(settings.bus)
        self._gate = Gate(Path(settings.bus.keys) if settings.bus.keys else None)
        self._dispatching = DispatcherThread(self._dispatcher, settings.bus, self._gate, access)
        self._started_parts = ExitStack()
        self._watched: dict[str, Watched] = {}
        self._answers = Answers(self, self._table, self._dispatcher, settings.account.claim_grace)
        self._requests = RequestServer(
            settings.bus.requests_addresses, self._answers, self._gate, access
        )
        self._gate.guard(self._dispatching, self._requests)
        self._definitions = Definitions(
            self._table, topology, self._ledger.bind, default_huge_page(HERE)
        )
        self._keeper = Keeper(
            self._hypervisor,
            self.uri,
            settings.connection,
            self._pipe,
            self._dispatcher,
            self._definitions,
        )
        self._bookkeeper = self._account_keeper()
        self._lister = Lister(
            self._hypervisor.connect,
            ready=self._keeper.has_compared,
            listed=self._keeper.check_objects,
            placed=self._definitions.place_pools,
        )
        self._deaths = DeathNotice(self._pipe, self._table)
        self._rhythm = Rhythm()
        self._readings = wanted(self._hypervisor.readings, groups_shown(settings.metrics))
        self._asker = StatsSampler(
            self._hypervisor.connect,
            self._readings,
            self._table,
            rhythm=self._rhythm,
            look=self._look,
            held=Held(self._table),
            deadline=settings.sampling.deadline,
        )
        self._kernel = self._kernel_sampler() if local else None
        self._image_cache = image_cache_of(self._hypervisor, settings)
        self._supervisor = Supervisor(settings, settings.agent.host_name, self)
        self._own = StatusCollector(self.status)
        self._exposition = self._metric_page()

    def start(self) -> None:
        """Start every part; raises the error of the first that can't, having stopped the others."""
        with ExitStack() as started:
            for part in (
                self._gate,
                self._dispatching,
                self._requests,
                self._deaths,
                self._kernel,
                self._supervisor,
                self._hypervisor,
                Together(
                    self._keeper, self._asker, self._image_cache, self._bookkeeper, self._lister
                ),
            ):
                if part is not None:
                    started.callback(part.stop)
                    part.start()
            self._started_parts = started.pop_all()
        self._watched = {
            "gate": self._gate,
            "dispatcher": self._dispatching,
            "request socket": self._requests,
            "death notice": self._deaths,
            "connection keeper": self._keeper,
            "libvirt sampler": self._asker,
            "bookkeeper": self._bookkeeper,
            "lister": self._lister,
        }
        if self._kernel is not None:
            self._watched["kernel sampler"] = self._kernel

    def stop(self) -> None:
        """Stop every part, the last started first; within 2 s."""
        self._watched = {}
        self._started_parts.close()

    def ended(self) -> tuple[str, ...]:
        """Parts whose thread ended by itself: without one of them the agent is of no use."""
        return tuple(name for name, part in self._watched.items() if not part.alive)

    def ailing(self) -> tuple[str, ...]:
        """Parts that ended, and the dispatcher where it stands still."""
        still = self._stood_still()
        if self._watched and self._dispatching.alive and still:
            return (*self.ended(), f"dispatcher: no turn for {still:.0f} s")
        return self.ended()

    def _event_dispatcher(self) -> Dispatcher:
        """What numbers and publishes, with the epoch that begins now."""
        settings = self._settings
        return Dispatcher(
            self._pipe,
            self._table,
            time.time_ns(),
            settings.agent.host_name,
            zmq_library(),
            int(settings.bus.heartbeat * 1e9),
            reboot_window_ns=int(settings.agent.reboot_window * 1e9),
            ring_size=settings.bus.ring_mib << 20,
            ledger=self._ledger,
        )

    def _account_keeper(self) -> Bookkeeper:
        """What keeps right the part of the account that no event tells."""
        settings = self._settings.account
        return Bookkeeper(
            self._ledger,
            self._definitions,
            self._hypervisor.connect,
            local=self._hypervisor.is_local,
            audit_s=settings.audit,
            ready=self._keeper.has_compared,
            publish=lambda account: self._pipe.put(records.account(account)),
            survey=Survey(folders=settings.image_folders),
            traits=settings.traits,
        )

    def _metric_page(self) -> Exposition:
        """What scrapes are answered from."""
        settings = self._settings.metrics
        registry = registry_of(self._own)
        page = Exposition(
            self._table,
            self._definitions.describe,
            self._figures,
            registry,
            profile=settings.profile,
            on=settings.on,
            off=settings.off,
            without=settings.without,
            sources=Sources(self._hypervisor.is_local, oldest(self._readings)),
            fresh=self._freshen,
        )
        registry.register(page.costs)
        return page

    def _look(self) -> None:
        """Read the kernel now."""
        if self._kernel is not None:
            self._kernel.fresh()

    def _freshen(self) -> None:
        """Read the kernel now, and with it what is as it was since nothing ran."""
        if self._kernel is not None:
            self._look()
            self._asker.confirm()

    def _kernel_sampler(self) -> KernelSampler:
        """The sampler of this machine's own QEMU guests."""
        sampler = Sampler(
            self._table,
            self._deaths.watch,
            mounts=host_mounts(),
            pressure=shown("pressure.", self._settings.metrics),
        )
        return KernelSampler(
            sampler,
            self._table,
            interval=self._settings.sampling.kernel,
            on_vcpus=self._keeper.look_up_soon,
        )

    def _figures(self) -> Figures:
        return figures_of(
            self._own.look(),
            self._bookkeeper.books,
            self._lister.objects,
            self._dispatcher.tally_of,
            time.monotonic_ns(),
        )

    def metrics(
        self,
        *,
        openmetrics: bool = False,
        compressed: bool = False,
        collect: Sequence[str] = (),
        profile: str = "",
    ) -> bytes:
        """The metric page."""
        return b"".join(
            self.metric_pieces(
                openmetrics=openmetrics, compressed=compressed, collect=collect, profile=profile
            )
        )

    def metric_pieces(
        self,
        *,
        openmetrics: bool = False,
        compressed: bool = False,
        collect: Sequence[str] = (),
        profile: str = "",
    ) -> Page:
        """The metric page in pieces."""
        self._rhythm.scraped()
        form = Format.OPENMETRICS if openmetrics else Format.TEXT
        return self._exposition.pieces(
            form, compressed=compressed, collect=collect, profile=profile
        )

    def reload(self, settings: Settings) -> None:
        """Run the drivers that ``settings`` name; raises SettingsError, having changed nothing."""
        self._supervisor.reload(settings)

    def guests(self) -> tuple[GuestStatus, ...]:
        """Every guest, as of now."""
        return every_guest(self._table.snapshot())

    def connection(self) -> str:
        """``up`` or ``down``."""
        return kinds.CONNECTION_STATES[self._keeper.connected]

    def connection_reason(self) -> str:
        """Why, for people."""
        return self._keeper.reason

    def is_current(self) -> bool:
        """Whether the account is what the hypervisor last told: of every guest, and its size."""
        return not self._behind()

    def _behind(self) -> str:
        """Why the account may not be what the hypervisor last told; nothing where it is."""
        keeper, virt = self._keeper, self._hypervisor.name
        if not keeper.connected:
            return f"{virt} connection down: {keeper.reason}"
        if still := self._stood_still():
            return f"the dispatcher has stood still for {still:.0f} s"
        if not keeper.has_compared():
            return f"{virt} is asked for every guest; not yet done"
        if not self._dispatcher.current:
            return "events were lost; not every guest has been compared since"
        if unsized := self._ledger.grants.unsized:
            return f"of guests that run, the size is not known yet of {unsized}"
        return ""

    def _stood_still(self) -> float:
        """Seconds since the dispatcher's last turn, 0 while it turns as it should."""
        still = (time.monotonic_ns() - self._dispatcher.turned_ns) / 1e9
        return still if still > STILL * max(1.0, self._settings.bus.heartbeat) else 0.0

    def account(self, taken: Taken | None = None) -> HostAccount:
        """The host's account, now or as a snapshot has it."""
        return self._bookkeeper.account(taken)

    def web_addresses(self) -> tuple[str, ...]:
        """Addresses a person can open."""
        return self._supervisor.web_addresses()

    def status(self) -> AgentStatus:
        """The agent's state now."""
        guests, running, active = self._table.counts()
        dispatcher, keeper = self._dispatcher, self._keeper
        books = self._bookkeeper.books
        behind = self._behind()
        return AgentStatus(
            version=hostmon.__version__,
            host=self._settings.agent.host_name,
            uri=self.uri,
            epoch=dispatcher.epoch,
            pid=os.getpid(),
            uptime=time.monotonic() - self._started,
            connection=self.connection(),
            connection_reason=keeper.reason,
            current=not behind,
            behind=behind,
            connections=keeper.connections,
            virt=self._hypervisor.name,
            virt_violations=self._hypervisor.violations,
            libvirt_version=keeper.version,
            guests=guests,
            running=running,
            active=active,
            classes=tuple(
                ClassStatus(name=n, sequence=s) for n, s in dispatcher.sequence_of.items()
            ),
            kinds=tuple(KindCount(kind=k, count=c) for k, c in dispatcher.count_of.items()),
            lost_records=dispatcher.lost_records,
            drivers=self._supervisor.status(),
            events_addresses=self._settings.bus.events_addresses,
            web_addresses=self.web_addresses(),
            account=self.account(),
            audited_at=books.audited_at,
            healed=books.healed,
            image_cache=self._image_cache.status() if self._image_cache is not None else None,
            reading=reading_status(self._asker, self._kernel, self._table),
            gate=self._gate_status(),
            ailing=self.ailing(),
            filesystems=self._bookkeeper.filesystems(),
            claims=self._answers.granting.status(),
        )

    def _gate_status(self) -> GateStatus:
        """What became of those who came to the bus."""
        cut_off, ignored = self._dispatcher.abuse
        return msgspec.structs.replace(
            self._gate.status(),
            cut_off=cut_off,
            ignored=ignored,
            refused=self._requests.refused,
            unfetched=self._requests.unfetched,
        )
