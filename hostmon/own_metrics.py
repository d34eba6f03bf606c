"""The agent's own metrics, kept by prometheus-client: what it published, and what it costs."""

from collections.abc import Callable, Iterator, Sequence

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
    DriverStatus,
    GateStatus,
    ImageCacheStatus,
    ReadingStatus,
)


def registry_of(status: Callable[[], AgentStatus]) -> CollectorRegistry:
    """A registry of one agent alone: nothing in it is global to the process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(status))
    registry.register(ProcessCollector())
    return registry


class StatusCollector(Collector):
    """An agent's status, read at each scrape from its memory."""

    def __init__(self, status: Callable[[], AgentStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Every family, all series of one together."""
        status = self._status()
        about = {"version": status.version, "uri": status.uri, "host": status.host}
        yield InfoMetricFamily("hostmon", "This agent.", about)
        events = CounterMetricFamily("hostmon_events", "Events published.", labels=["kind"])
        for kind in status.kinds:
            events.add_metric([kind.kind], kind.count)
        yield events
        sequence = GaugeMetricFamily(
            "hostmon_sequence", "The last number a class of events gave out.", labels=["class"]
        )
        for class_ in status.classes:
            sequence.add_metric([class_.name], class_.sequence)
        yield sequence
        up = float(status.connection == "up")
        yield GaugeMetricFamily(
            "hostmon_connection_up", "1 while the agent is connected to libvirt.", value=up
        )
        yield CounterMetricFamily(
            "hostmon_connections", "Connections to libvirt opened.", value=status.connections
        )
        yield CounterMetricFamily(
            "hostmon_virt_violations",
            "Breaches of its contract by the virt driver; each costs a connection.",
            value=status.virt_violations,
        )
        yield CounterMetricFamily(
            "hostmon_lost_records",
            "Records that found the agent's queue full; a loss is published and ends in a resync.",
            value=status.lost_records,
        )
        yield from gate_families(status.gate)
        yield from claim_families(status.claims)
        if status.image_cache is not None:
            yield from image_cache_families(status.image_cache)
        yield from reading_families(status.reading)
        yield from driver_families(status.drivers)


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


def image_cache_families(cache: ImageCacheStatus) -> Iterator[Metric]:
    """How the base images stand."""
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


def reading_families(reading: ReadingStatus) -> Iterator[Metric]:
    """What it costs to read the kernel and to ask the hypervisor."""
    yield from _counters(
        "hostmon",
        ("kernel_passes", "Passes over the kernel's files.", reading.passes),
        ("kernel_cpu_seconds", "CPU time that these passes took.", reading.cpu),
        ("hypervisor_calls", "Calls to the hypervisor for statistics.", reading.calls),
        ("hypervisor_late_calls", "Calls that passed their deadline.", reading.late),
        ("hypervisor_failed_calls", "Calls that lost their connection.", reading.failed),
        ("readings_confirmed", "Readings not asked for: no vCPU had run.", reading.confirmed),
        (
            "readings_overtaken",
            "Answers of the hypervisor that came after newer ones.",
            reading.overtaken,
        ),
        (
            "readings_unknown_fields",
            "Fields of its answers of unknown name or type.",
            reading.unknown_fields,
        ),
        (
            "kernel_memory_failures",
            "Readings of the kernel that memory lacked for.",
            reading.memory_failures,
        ),
    )
    yield GaugeMetricFamily(
        "hostmon_kernel_pass_seconds", "Time the last pass took.", value=reading.last_pass
    )
    yield GaugeMetricFamily(
        "hostmon_guests_unresolved",
        "Active guests whose process was not found.",
        value=reading.unresolved,
    )
    yield GaugeMetricFamily(
        "hostmon_hypervisor_hung_calls", "Calls that hang now.", value=reading.hung
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
