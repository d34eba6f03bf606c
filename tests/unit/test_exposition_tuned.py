"""Iothreads, perf events and I/O-tune limits: off by default, whole where they are on."""

import itertools

from prometheus_client import CollectorRegistry

from bench.front.tables import MadeUp
from hostmon._columns import PERF_NAMES
from hostmon.exposition import SHARED_NS, Exposition, Format
from hostmon.metrics import CATALOGUE, Scope
from hostmon.scrape import Scrape, read
from tests.native.synthetic import put, set_iothreads, set_perf

LIMITS = [metric for metric in CATALOGUE if metric.column.startswith("limit.")]
TUNED = [m for m in CATALOGUE if m.scope in (Scope.IOTHREAD, Scope.PERF)]
GROW = "libvirt_domain_iothread_poll_grow"
EVENTS = "libvirt_domain_perf_events_total"
WHO = ("domain", "instance-00000000")


def exposition(made: MadeUp, on: list[str]) -> Exposition:
    """An exposition that never shares a render."""
    ticks = itertools.count(0, 10 * SHARED_NS)
    return Exposition(
        made.table, made.describe, dict, CollectorRegistry(), on=on, clock_ns=lambda: next(ticks)
    )


def scrape(page: Exposition) -> Scrape:
    return read(page.page(), Format.TEXT.value)


def test_they_are_off_by_default() -> None:
    shown = scrape(exposition(MadeUp(1, tuned=True), [])).names()
    assert not shown & {metric.name for metric in (*LIMITS, *TUNED)}


def test_all_of_libvirts_limits_are_shown() -> None:
    """virDomainGetBlockIoTune has nineteen: six limits, their bursts, how long, and a size."""
    made = MadeUp(1)
    assert len(LIMITS) == 19
    put(made.table, made.uuids[0], "disk", 0, {m.column: 100 + i for i, m in enumerate(LIMITS)})
    found = scrape(exposition(made, [metric.name for metric in LIMITS])).values
    for i, metric in enumerate(LIMITS):
        assert found[metric.name, (WHO, ("target_device", "vda"))] == 100 + i


def test_iothreads_and_events_are_shown_with_their_numbers() -> None:
    made = MadeUp(1, tuned=True)
    uuid = made.uuids[0]
    set_iothreads(made.table, uuid, [1, 7])
    columns = {"poll_max_ns": 32768, "poll_grow": 2, "poll_shrink": 3}
    for which in range(2):
        put(made.table, uuid, "iothread", which, columns)
    set_perf(made.table, uuid, [PERF_NAMES.index(name) for name in ("cmt", "page_faults")])
    put(made.table, uuid, "perf", 0, {"value": 5})
    put(made.table, uuid, "perf", 1, {"value": 6})
    found = scrape(exposition(made, [metric.name for metric in TUNED])).values
    for number in ("1", "7"):
        labels = (WHO, ("iothread", number))
        assert found["libvirt_domain_iothread_poll_max_seconds", labels] == 0.000032768
        assert found[GROW, labels] == 2
        assert found["libvirt_domain_iothread_poll_shrink", labels] == 3
    events = {labels: value for (name, labels), value in found.items() if name == EVENTS}
    assert events == {(WHO, ("event", "page_faults")): 6}


def test_as_many_others_are_shown_as_themselves() -> None:
    """One iothread went and another came between two readings: their number is the same."""
    made = MadeUp(1, tuned=True)
    uuid = made.uuids[0]
    page = exposition(made, [GROW, EVENTS])

    def numbers() -> tuple[list[str], list[str]]:
        found = scrape(page).values
        return tuple(  # type: ignore[return-value]
            [dict(labels)[label] for name, labels in found if name == family]
            for family, label in ((GROW, "iothread"), (EVENTS, "event"))
        )

    for ids, events in (
        ([1, 2], ["page_faults"]),
        ([1, 3], ["cache_misses"]),
        ([3], []),
        ([], ["cpu_clock", "bus_cycles"]),
    ):
        set_iothreads(made.table, uuid, ids)
        set_perf(made.table, uuid, [PERF_NAMES.index(name) for name in events])
        for which in range(len(ids)):
            put(made.table, uuid, "iothread", which, {"poll_grow": 2})
        for which in range(len(events)):
            put(made.table, uuid, "perf", which, {"value": 2})
        assert numbers() == ([str(number) for number in ids], events)
