"""The metrics of the agent's view, for prometheus-client to expose."""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from hostmon.driver import AgentView
from hostmon.kinds import STATES
from hostmon.status import AgentStatus, GuestStatus


def registry_of(view: AgentView) -> CollectorRegistry:
    """A registry of this agent alone: nothing in it is global to the process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ViewCollector(view))
    ProcessCollector(registry=registry)
    return registry


class ViewCollector(Collector):
    """Guests, events and connection, read at each scrape from the agent's memory."""

    def __init__(self, view: AgentView) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """Every family, all series of one together."""
        began = time.perf_counter()
        yield from guest_families(self._view.guests())
        yield from agent_families(self._view.status())
        yield GaugeMetricFamily(
            "hostmon_collection_seconds",
            "Time that collecting these metrics took.",
            value=time.perf_counter() - began,
        )


def guest_families(guests: tuple[GuestStatus, ...]) -> Iterator[Metric]:
    """One row of series a guest."""
    info = InfoMetricFamily("libvirt_domain", "A guest.", labels=["domain", "uuid"])
    state = GaugeMetricFamily(
        "libvirt_domain_state", "1 for the state a guest is in.", labels=["domain", "state"]
    )
    vcpus = GaugeMetricFamily("libvirt_domain_vcpus", "Virtual CPUs in use.", labels=["domain"])
    memory = GaugeMetricFamily(
        "libvirt_domain_memory_bytes", "Memory a guest uses.", labels=["domain"]
    )
    maximum = GaugeMetricFamily(
        "libvirt_domain_memory_maximum_bytes", "Memory a guest may use.", labels=["domain"]
    )
    cpu = CounterMetricFamily(
        "libvirt_domain_cpu_time_seconds", "CPU time spent on a guest.", labels=["domain"]
    )
    for guest in guests:
        info.add_metric([guest.name, guest.uuid], {})
        for name in STATES:
            state.add_metric([guest.name, name], float(guest.state == name))
        vcpus.add_metric([guest.name], guest.vcpus)
        memory.add_metric([guest.name], guest.memory)
        maximum.add_metric([guest.name], guest.memory_max)
        cpu.add_metric([guest.name], guest.cpu_time_ns / 1e9)
    return iter((info, state, vcpus, memory, maximum, cpu))


def agent_families(status: AgentStatus) -> Iterator[Metric]:
    """The agent's own state."""
    yield InfoMetricFamily("hostmon", "This agent.", {"version": status.version, "uri": status.uri})
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
    yield GaugeMetricFamily(
        "hostmon_connection_up",
        "1 while the agent is connected to libvirt.",
        value=float(status.connection == "up"),
    )
    yield CounterMetricFamily(
        "hostmon_connections", "Connections to libvirt opened.", value=status.connections
    )
    yield CounterMetricFamily(
        "hostmon_lost_records",
        "Events that found the agent's queue full; each loss ends in a resync.",
        value=status.lost_records,
    )
    yield GaugeMetricFamily("hostmon_guests", "Guests known.", value=status.guests)
