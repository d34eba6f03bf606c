"""The agent's own figures of what it read, as metrics."""

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client.core import Metric

from hostmon.own_metrics import StatusCollector, registry_of
from hostmon.status import (
    AgentStatus,
    ClaimsStatus,
    ClassStatus,
    DriverStatus,
    GateStatus,
    ImageCacheStatus,
    KindCount,
    ReadingStatus,
)
from hostmon.testing.view import FixedView

CACHE = ImageCacheStatus(
    directory="/", looks=1, failures=0, used=1, unused=0, removed=0, reported=0
)
STATUS = replace(
    FixedView().status(),
    classes=(ClassStatus(name="lifecycle", sequence=3),),
    kinds=(KindCount(kind="lifecycle", count=3),),
    drivers=(DriverStatus(name="noop", state="running"),),
    image_cache=CACHE,
)

CHANGES: dict[str, dict[str, Any]] = {
    "hostmon": {"version": "2"},
    "hostmon_events": {"kinds": (KindCount(kind="lifecycle", count=4),)},
    "hostmon_sequence": {"classes": (ClassStatus(name="lifecycle", sequence=4),)},
    "hostmon_connection_up": {"connection": "down"},
    "hostmon_connections": {"connections": 2},
    "hostmon_virt_violations": {"virt_violations": 1},
    "hostmon_lost_records": {"lost_records": 1},
    "hostmon_bus_denied_keys": {"gate": GateStatus(denied=1)},
    "hostmon_bus_unusable_keys": {"gate": GateStatus(unusable_keys=1)},
    "hostmon_claims": {"claims": ClaimsStatus(granted=1)},
    "hostmon_claims_failed_looks": {"claims": ClaimsStatus(failed_looks=1)},
    "hostmon_image_cache_looks": {"image_cache": replace(CACHE, looks=2)},
    "hostmon_kernel_passes": {"reading": ReadingStatus(passes=1)},
    "hostmon_hypervisor_calls": {"reading": ReadingStatus(calls=1)},
    "hostmon_guests_unresolved": {"reading": ReadingStatus(unresolved=1)},
    "hostmon_driver_errors": {"drivers": (replace(STATUS.drivers[0], errors=1),)},
}
"""What may change in a status, by the family that shows it."""


def collected(collector: StatusCollector) -> dict[str, Metric]:
    return {family.name: family for family in collector.collect()}


def samples(families: dict[str, Metric]) -> dict[str, list[tuple[object, ...]]]:
    return {name: list(family.samples) for name, family in families.items()}


def test_what_was_not_read_is_counted_by_its_reason() -> None:
    reading = ReadingStatus(
        passes=1, cpu=2.0, last_pass=3.0, confirmed=4, calls=5, late=6, failed=7, hung=8,
        unresolved=9, memory_failures=10, overtaken=11, unknown_fields=12, barred=13,
    )  # fmt: skip
    now = replace(STATUS, reading=reading)
    found = {
        sample.name: sample.value
        for family in StatusCollector(lambda: now).collect()
        for sample in family.samples
    }
    for number, name in enumerate(
        (
            "kernel_passes_total", "kernel_cpu_seconds_total", "kernel_pass_seconds",
            "readings_confirmed_total", "hypervisor_calls_total", "hypervisor_late_calls_total",
            "hypervisor_failed_calls_total", "hypervisor_hung_calls", "guests_unresolved",
            "kernel_memory_failures_total", "readings_overtaken_total",
            "readings_unknown_fields_total", "guests_barred",
        ),
        1,
    ):  # fmt: skip
        assert found[f"hostmon_{name}"] == number, name


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_shown_and_nothing_else_is_made_anew(name: str) -> None:
    now = STATUS
    collector = StatusCollector(lambda: now)
    before = collected(collector)
    assert all(family is before[name] for name, family in collected(collector).items())

    now = replace(STATUS, **CHANGES[name])
    after = collected(collector)
    expected = samples(collected(StatusCollector(lambda: now)))
    assert samples(after) == expected != samples(before)
    assert after[name].samples != before[name].samples
    changed = {name for name in after if after[name] is not before[name]}
    assert len(changed) < len(after) / 4


def test_families_come_and_go_with_their_part() -> None:
    now = replace(STATUS, image_cache=None)
    collector = StatusCollector(lambda: now)
    assert "hostmon_image_cache_looks" not in collected(collector)
    now = STATUS
    assert "hostmon_image_cache_looks" in collected(collector)
    now = replace(STATUS, image_cache=None)
    assert "hostmon_image_cache_looks" not in collected(collector)


def test_a_status_that_was_looked_at_is_what_is_collected_next_and_only_then() -> None:
    asked: list[int] = []

    def status() -> AgentStatus:
        asked.append(1)
        return replace(STATUS, connections=len(asked))

    collector = StatusCollector(status)
    registry = registry_of(collector)

    def connections() -> float:
        families = {family.name: family for family in registry.collect()}
        return families["hostmon_connections"].samples[0].value

    assert collector.look().connections == 1
    assert connections() == 1
    assert connections() == 2
    assert collector.look().connections == 3
    assert collector.look().connections == 4
    assert connections() == 4
