"""The agent's own metrics, kept by prometheus-client: what it published, and what it costs."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from hostmon.process_metrics import ProcessCollector
from hostmon.status import (
    AgentStatus,
    ClaimsStatus,
    ClassStatus,
    DriverStatus,
    GateStatus,
    ImageCacheStatus,
    KindCount,
)


def registry_of(status: "StatusCollector") -> CollectorRegistry:
    """A registry of one agent alone: nothing in it is global to the process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(status)
    registry.register(ProcessCollector())
    return registry


class StatusCollector(Collector):
    """An agent's status, read at each scrape from its memory.

    The families of a part of it that is as it was are the same objects. One thread at a time may
    collect.
    """

    def __init__(self, status: Callable[[], AgentStatus]) -> None:
        self._status = status
        self._looked: AgentStatus | None = None
        self._told: dict[Part, tuple[object, list[Metric]]] = {}

    def look(self) -> AgentStatus:
        """The status now, and in what is collected next: it takes longer than all its families."""
        self._looked = self._status()
        return self._looked

    def collect(self) -> Iterator[Metric]:
        """Every family, all series of one together."""
        status, self._looked = self._looked or self._status(), None
        for shown, families in PARTS:
            now = shown(status)
            told = self._told.get((shown, families))
            if told is None or told[0] != now:
                told = self._told[shown, families] = now, list(families(now))
            yield from told[1]


def about_families(about: tuple[str, str, str]) -> Iterator[Metric]:
    """Which agent this is."""
    names = dict(zip(("version", "uri", "host"), about, strict=True))
    yield InfoMetricFamily("hostmon", "This agent.", names)


def kind_families(kinds: Sequence[KindCount]) -> Iterator[Metric]:
    """What was published."""
    events = CounterMetricFamily("hostmon_events", "Events published.", labels=["kind"])
    for kind in kinds:
        events.add_metric([kind.kind], kind.count)
    yield events


def class_families(classes: Sequence[ClassStatus]) -> Iterator[Metric]:
    """How far each class of events is."""
    sequence = GaugeMetricFamily(
        "hostmon_sequence", "The last number a class of events gave out.", labels=["class"]
    )
    for class_ in classes:
        sequence.add_metric([class_.name], class_.sequence)
    yield sequence


def connection_families(counts: tuple[str, int, int, int]) -> Iterator[Metric]:
    """How the connection to the hypervisor stands."""
    connection, connections, violations, lost = counts
    yield GaugeMetricFamily(
        "hostmon_connection_up",
        "1 while the agent is connected to libvirt.",
        value=float(connection == "up"),
    )
    yield from _counters(
        "hostmon",
        ("connections", "Connections to libvirt opened.", connections),
        (
            "virt_violations",
            "Breaches of its contract by the virt driver; each costs a connection.",
            violations,
        ),
        (
            "lost_records",
            "Records that found the agent's queue full; a loss is published and ends in a resync.",
            lost,
        ),
    )


def gate_families(gate: GateStatus) -> Iterator[Metric]:
    """Who is connected to the bus, and what came to it that should not."""
    peers = GaugeMetricFamily("hostmon_bus_peers", "Connections to the bus.", labels=["socket"])
    failed = CounterMetricFamily(
        "hostmon_bus_failed_handshakes",
        "Connections that did not speak the protocol, or not with the right keys.",
        labels=["socket"],
    )
    for door in gate.doors:
        peers.add_metric([door.name], door.peers)
        failed.add_metric([door.name], door.failed)
    yield peers
    yield failed
    yield GaugeMetricFamily(
        "hostmon_bus_unusable_keys",
        "Files and folders of keys that can't be read or trusted now; the log says why.",
        value=gate.unusable_keys,
    )
    yield from _counters(
        "hostmon_bus",
        ("denied_keys", "Connections with a key that is not allowed.", gate.denied),
        ("crowded_out_peers", "Connections ended because there were too many.", gate.crowded_out),
        ("stalled_peers", "Connections ended for not taking what was sent.", gate.stalled),
        (
            "overgrown",
            "Times that all connections ended since memory had grown.",
            gate.overgrown,
        ),
        ("cut_off_peers", "Connections ended for subscribing to too much.", gate.cut_off),
        ("ignored_messages", "Messages of subscribers that were no subscription.", gate.ignored),
        ("refused_requests", "Questions that were malformed, unknown or too many.", gate.refused),
        (
            "unfetched_answers",
            "Answers dropped: whoever asked had too many to fetch, or was gone.",
            gate.unfetched,
        ),
    )


def claim_families(claims: ClaimsStatus) -> Iterator[Metric]:
    """Room that schedulers were granted, and what became of it."""
    yield GaugeMetricFamily(
        "hostmon_claims_outstanding", "Claims that hold room now.", value=claims.outstanding
    )
    states = CounterMetricFamily("hostmon_claims", "Claims of schedulers.", labels=["state"])
    for state in ("granted", "confirmed", "expired", "released", "refused"):
        states.add_metric([state], getattr(claims, state))
    yield states
    yield from _counters(
        "hostmon_claims",
        (
            "failed_looks",
            "Looks at whether claims may be granted that failed; the log says why.",
            claims.failed_looks,
        ),
    )


def image_cache_families(cache: ImageCacheStatus | None) -> Iterator[Metric]:
    """How the base images stand, where there is a cache of them."""
    if cache is None:
        return
    files = GaugeMetricFamily(
        "hostmon_image_cache_files", "Base images at the last look, by state.", labels=["state"]
    )
    files.add_metric(["used"], cache.used)
    files.add_metric(["unused"], cache.unused)
    yield files
    yield GaugeMetricFamily(
        "hostmon_image_cache_reported",
        "Chains and base images that somebody should look at.",
        value=cache.reported,
    )
    yield from _counters(
        "hostmon_image_cache",
        ("looks", "Looks after the base images.", cache.looks),
        ("failures", "Looks after the base images that failed.", cache.failures),
        ("removed", "Base images that were removed.", cache.removed),
    )


def pass_families(reading: tuple[int, float, float, int]) -> Iterator[Metric]:
    """What it costs to read the kernel, which is read for every page."""
    passes, cpu, last_pass, confirmed = reading
    yield from _counters(
        "hostmon",
        ("kernel_passes", "Passes over the kernel's files.", passes),
        ("kernel_cpu_seconds", "CPU time that these passes took.", cpu),
        ("readings_confirmed", "Readings not asked for: no vCPU had run.", confirmed),
    )
    yield GaugeMetricFamily(
        "hostmon_kernel_pass_seconds", "Time the last pass took.", value=last_pass
    )


def call_families(reading: tuple[int, int, int, int]) -> Iterator[Metric]:
    """What it costs to ask the hypervisor."""
    calls, late, failed, hung = reading
    yield from _counters(
        "hostmon",
        ("hypervisor_calls", "Calls to the hypervisor for statistics.", calls),
        ("hypervisor_late_calls", "Calls that passed their deadline.", late),
        ("hypervisor_failed_calls", "Calls that lost their connection.", failed),
    )
    yield GaugeMetricFamily("hostmon_hypervisor_hung_calls", "Calls that hang now.", value=hung)


def unread_families(reading: tuple[int, int, int, int, int]) -> Iterator[Metric]:
    """What was not read, or not taken, and why."""
    unresolved, barred, memory_failures, overtaken, unknown_fields = reading
    yield from _counters(
        "hostmon",
        (
            "readings_overtaken",
            "Answers of the hypervisor that came after newer ones.",
            overtaken,
        ),
        (
            "readings_unknown_fields",
            "Fields of its answers of unknown name or type.",
            unknown_fields,
        ),
        (
            "kernel_memory_failures",
            "Readings of the kernel that memory lacked for.",
            memory_failures,
        ),
    )
    yield GaugeMetricFamily(
        "hostmon_guests_unresolved",
        "Active guests whose process was not found.",
        value=unresolved,
    )
    yield GaugeMetricFamily(
        "hostmon_guests_barred",
        "Guests of hostmon_guests_unresolved whose process may not be looked at: no permission.",
        value=barred,
    )


STATES = (
    "starting", "running", "blocked", "restarting", "quarantined", "refused", "failed", "stopped"
)  # fmt: skip


def driver_families(drivers: Sequence[DriverStatus]) -> Iterator[Metric]:
    """What each driver has done, and which state it is in."""
    state = GaugeMetricFamily(
        "hostmon_driver_state", "1 for the state that a driver is in.", labels=["driver", "state"]
    )
    for driver in drivers:
        for name in STATES:
            state.add_metric([driver.name, name], float(driver.state == name))
    yield state
    for name, text, counted in (
        ("events_handled", "Events that a driver handled.", "handled"),
        ("errors", "Events that a driver declared as failed.", "errors"),
        ("violations", "Breaches of its contract or limits by a driver.", "violations"),
        ("restarts", "Times that a driver was started again.", "restarts"),
        ("busy_seconds", "Time that a driver spent on events.", "busy"),
    ):
        family = CounterMetricFamily(f"hostmon_driver_{name}", text, labels=["driver"])
        for driver in drivers:
            family.add_metric([driver.name], getattr(driver, counted))
        yield family
    lag = GaugeMetricFamily(
        "hostmon_driver_lag_seconds",
        "Age of the newest event when a driver was given it.",
        labels=["driver"],
    )
    for driver in drivers:
        lag.add_metric([driver.name], driver.lag)
    yield lag


def _counters(prefix: str, *rows: tuple[str, str, float]) -> Iterator[Metric]:
    """A counter without labels for each row: the rest of its name, its help, its value."""
    for name, text, value in rows:
        yield CounterMetricFamily(f"{prefix}_{name}", text, value=value)


Part = tuple[Callable[[AgentStatus], Any], Callable[[Any], Iterator[Metric]]]

PARTS: tuple[Part, ...] = (
    (attrgetter("version", "uri", "host"), about_families),
    (attrgetter("kinds"), kind_families),
    (attrgetter("classes"), class_families),
    (
        attrgetter("connection", "connections", "virt_violations", "lost_records"),
        connection_families,
    ),
    (attrgetter("gate"), gate_families),
    (attrgetter("claims"), claim_families),
    (attrgetter("image_cache"), image_cache_families),
    (
        attrgetter("reading.passes", "reading.cpu", "reading.last_pass", "reading.confirmed"),
        pass_families,
    ),
    (
        attrgetter("reading.calls", "reading.late", "reading.failed", "reading.hung"),
        call_families,
    ),
    (
        attrgetter(
            "reading.unresolved",
            "reading.barred",
            "reading.memory_failures",
            "reading.overtaken",
            "reading.unknown_fields",
        ),
        unread_families,
    ),
    (attrgetter("drivers"), driver_families),
)
"""Parts of a status, and the families that show them: those change only where the part does."""
