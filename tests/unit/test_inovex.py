"""The inovex profile, series by series: what prometheus-libvirt-exporter serves of which guest.

The lists say what that exporter's own source sends (pkg/exporter of its repository, the names as of
2.5 and the labels as of its version 2), guest by guest: whoever asks libvirt for a guest's job gets
zeros without one, of a guest that is off its CPU time is 0, and a share of nothing is not a number.
"""

import itertools
import math

import pytest
from prometheus_client import CollectorRegistry

from bench.front.tables import MadeUp
from hostmon.exposition import SHARED_NS, Exposition, Figures, Format
from hostmon.facts import GuestFacts
from hostmon.metrics import PROFILES, Scope
from hostmon.scrape import Scrape, read
from tests.native.synthetic import put, set_job

UNKNOWN = 2**64 - 1
RUNNING, PAUSED, SHUT_OFF = (1, 1, 1), (3, 1, 1), (5, 1, -1)

Served = set[tuple[str, frozenset[str]]]


def served(prefix: str, names: str, *labels: str) -> Served:
    return {(f"libvirt_{prefix}{name}", frozenset(labels)) for name in names.split()}


POOLS = served(
    "storage_pool_", "state capacity_bytes allocation_bytes available_bytes timed_out",
    "storage_pool",
)  # fmt: skip
HOST = served("", "up domains") | POOLS

OF_EVERY_GUEST = (
    served("domain_", "timed_out", "domain")
    | served("domain_", "info", "domain", "os_type", "os_type_arch", "os_type_machine")
    | served("domain_", "openstack_info", "domain", "instance_name", "instance_id", "flavor_name",
             "user_name", "user_id", "project_name", "project_id")
    | served("domain_info_", "state", "domain", "state_desc")
    | served("domain_info_", "maximum_memory_bytes memory_usage_bytes virtual_cpus "
             "cpu_time_seconds_total", "domain")
)  # fmt: skip

BALLOON = served(
    "domain_memory_stats_",
    "current_balloon_bytes maximum_bytes swap_in_bytes swap_out_bytes major_fault_total "
    "minor_fault_total unused_bytes available_bytes usable_bytes last_update_timestamp_seconds "
    "disk_caches_bytes hugetlb_pgalloc_total hugetlb_pgfail_total",
    "domain",
)

JOB = served(
    "domain_job_info_",
    "type time_elapsed_seconds time_remaining_seconds data_total_bytes data_processed_bytes "
    "data_remaining_bytes memory_total_bytes memory_processed_bytes memory_remaining_bytes "
    "file_total_bytes file_processed_bytes file_remaining_bytes",
    "domain",
)

OF_ACTIVE_GUESTS = (
    JOB
    | BALLOON
    | served("domain_memory_stats_", "rss_bytes used_percent", "domain")
    | served("domain_vcpu_", "current maximum", "domain")
    | served("domain_vcpu_", "state time_seconds_total wait_seconds_total delay_seconds_total",
             "domain", "vcpu")
    | served("domain_block_stats_", "info", "domain", "target_device", "disk_type", "target_bus",
             "driver_name", "driver_type", "driver_cache", "driver_discard", "source_file",
             "source_protocol", "serial")
    | served("domain_block_stats_", "read_bytes_total read_requests_total write_bytes_total "
             "write_requests_total read_time_seconds_total write_time_seconds_total "
             "flush_requests_total flush_time_seconds_total capacity_bytes",
             "domain", "target_device")
    | served("domain_interface_stats_", "info", "domain", "target_device", "interface_type",
             "source_bridge", "mac_address", "model_type", "mtu_size")
    | served("domain_interface_stats_", "receive_bytes_total receive_packets_total "
             "receive_errors_total receive_drops_total transmit_bytes_total "
             "transmit_packets_total transmit_errors_total transmit_drops_total",
             "domain", "target_device")
)  # fmt: skip

FIGURES: Figures = {
    metric.column: {("images",): 1.0} if metric.labels else 1.0
    for metric in PROFILES["inovex"].metrics
    if metric.scope is Scope.HOST
}


def scraped(made: MadeUp, form: Format = Format.TEXT) -> Scrape:
    ticks = itertools.count(0, 10 * SHARED_NS)
    page = Exposition(
        made.table, made.describe, lambda: FIGURES, CollectorRegistry(),
        profile="inovex", clock_ns=lambda: next(ticks),
    )  # fmt: skip
    return read(page.page(form), form.value)


def shown(found: Scrape) -> Served:
    return {(name, frozenset(label for label, _ in labels)) for name, labels in found.values}


def value(found: Scrape, name: str) -> float:
    (told,) = (told for (each, _), told in found.values.items() if each == f"libvirt_domain_{name}")
    return told


def one_guest(job: bool = False) -> MadeUp:
    """A guest of which everything is known, and that it has a job, or has none."""
    made = MadeUp(1, job=True)
    set_job(made.table, made.uuids[0], job)
    return made


def test_the_lists_are_the_sixty_seven_names() -> None:
    assert len({name for name, _ in HOST | OF_EVERY_GUEST | OF_ACTIVE_GUESTS}) == 67


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("job", [False, True], ids=["jobless", "job"])
@pytest.mark.parametrize("state", [RUNNING, PAUSED], ids=["running", "paused"])
def test_an_active_guest_has_all_that_the_exporter_serves_and_no_more(
    state: tuple[int, int, int], job: bool, form: Format
) -> None:
    made = one_guest(job)
    made.table.set_state(made.uuids[0], *state)
    assert shown(scraped(made, form)) == HOST | OF_EVERY_GUEST | OF_ACTIVE_GUESTS


def test_a_guest_that_is_off_has_what_the_exporter_serves_of_it_and_no_more() -> None:
    made = one_guest()
    assert value(scraped(made), "info_cpu_time_seconds_total") > 0
    made.table.set_state(made.uuids[0], *SHUT_OFF)
    found = scraped(made)
    assert shown(found) == HOST | OF_EVERY_GUEST
    assert value(found, "info_cpu_time_seconds_total") == 0
    assert value(found, "info_state") == SHUT_OFF[0]


def test_without_a_job_its_figures_are_zero_and_with_one_they_are_its_own() -> None:
    made = one_guest(job=True)
    put(made.table, made.uuids[0], "job", 0, {"data_total": 77, "elapsed_ns": 5_000_000})
    found = scraped(made)
    assert value(found, "job_info_data_total_bytes") == 77
    assert value(found, "job_info_time_elapsed_seconds") == 5
    set_job(made.table, made.uuids[0], False)
    found = scraped(made)
    assert {value(found, name.removeprefix("libvirt_domain_")) for name, _ in JOB} == {0}


def test_of_a_guest_that_nobody_asked_for_a_job_none_is_told() -> None:
    assert shown(scraped(MadeUp(1))) == HOST | OF_EVERY_GUEST | OF_ACTIVE_GUESTS - JOB


@pytest.mark.parametrize(
    ("available", "usable", "percent"),
    [(UNKNOWN, UNKNOWN, math.nan), (0, 0, math.nan), (200, 50, 75.0), (200, UNKNOWN, 100.0)],
)
def test_a_balloon_that_tells_nothing_leaves_a_share_that_is_no_number(
    available: int, usable: int, percent: float
) -> None:
    made = one_guest()
    put(made.table, made.uuids[0], "guest", 0,
        {"balloon.available": available, "balloon.usable": usable})  # fmt: skip
    told = value(scraped(made), "memory_stats_used_percent")
    assert told == percent or (math.isnan(told) and math.isnan(percent))


def test_a_guest_without_cloud_metadata_has_its_uuid_for_an_instance() -> None:
    made = one_guest()
    (uuid,) = made.facts
    made.facts[uuid] = GuestFacts(uuid=uuid, domain="web")
    owners = [dict(labels) for name, labels in scraped(made).values if "openstack" in name]
    assert [(owner["instance_id"], owner["project_name"]) for owner in owners] == [(uuid, "")]


def test_hostmons_own_page_shows_none_of_these_zeros() -> None:
    made = one_guest()
    made.table.set_state(made.uuids[0], *SHUT_OFF)
    page = Exposition(made.table, made.describe, dict, CollectorRegistry()).page().decode()
    assert "cpu_time_seconds_total{" not in page
    assert "_job_" not in page


def test_types_are_those_that_the_exporter_sends() -> None:
    """Counters are called so, but that huge pages are counted by gauges."""
    found = scraped(one_guest(job=True))
    counters = {name for name, kind in found.types.items() if kind == "counter"}
    assert counters == {
        name for name, _ in OF_EVERY_GUEST | OF_ACTIVE_GUESTS
        if name.endswith("_total") and "hugetlb" not in name
    }  # fmt: skip
    assert {found.types[name] for name in found.names() - counters} == {"gauge"}
