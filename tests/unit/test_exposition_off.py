"""Guests that are shut off: on the page with all that is known of them, as those that run are."""

import itertools

import pytest
from prometheus_client import CollectorRegistry

from bench.front.tables import MadeUp
from hostmon.exposition import SHARED_NS, Exposition, Format
from hostmon.exposition.sources import BY_KERNEL, Sources
from hostmon.samples import Group
from hostmon.scrape import Scrape, read

SHUT_OFF = 5, 1, -1
"""State, reason and id of a guest that was shut down."""


def exposition(made: MadeUp, sources: Sources = BY_KERNEL, on: tuple[str, ...] = ()) -> Exposition:
    """An exposition that never shares a render."""
    ticks = itertools.count(0, 10 * SHARED_NS)
    return Exposition(
        made.table, made.describe, dict, CollectorRegistry(),
        sources=sources, on=on, clock_ns=lambda: next(ticks),
    )  # fmt: skip


def scrape(page: Exposition) -> Scrape:
    return read(page.page(), Format.TEXT.value)


def test_shut_off_guests_are_complete_but_for_what_only_a_run_has() -> None:
    made = MadeUp(1)
    made.table.set_state(made.uuids[0], 5, 1, -1)
    found = scrape(exposition(made)).values
    names = {name for name, _ in found}
    assert {
        "libvirt_domain_info", "libvirt_domain_state", "libvirt_domain_block_stats_info",
        "libvirt_domain_interface_stats_info", "libvirt_domain_info_virtual_cpus",
    } <= names  # fmt: skip
    assert "libvirt_domain_info_cpu_time_seconds_total" not in names
    assert "libvirt_domain_start_time_seconds" not in names


def of_guest(page: Exposition) -> dict[str, float]:
    """The values of the only guest, by family: the last one of each."""
    values = scrape(page).values.items()
    return {name: value for (name, labels), value in values if dict(labels).get("domain")}


@pytest.mark.parametrize(("persistent", "autostart"), [(True, False), (False, True)])
def test_what_dominfo_tells_is_shown_of_guests_that_run_and_that_do_not(
    persistent: bool, autostart: bool
) -> None:
    made = MadeUp(1)
    made.table.set_facts(
        made.uuids[0], vcpus=2, vcpus_max=8, memory=2**30, memory_max=2**31,
        persistent=persistent, autostart=autostart,
    )  # fmt: skip
    page = exposition(made, on=("libvirt_domain_autostart",))
    running = of_guest(page)
    assert "libvirt_domain_shutoff_reason" not in running
    made.table.set_state(made.uuids[0], 5, 3, -1)
    off = of_guest(page)
    assert off["libvirt_domain_shutoff_reason"] == 3
    for found in (running, off):
        assert found["libvirt_domain_persistent"] == persistent
        assert found["libvirt_domain_autostart"] == autostart
        assert found["libvirt_domain_vcpu_maximum"] == 8
        assert found["libvirt_domain_info_maximum_memory_bytes"] == 2**31
        assert "hostmon_guest_crashes_total" in found


def test_images_of_shut_off_guests_alone_are_shown_however_old() -> None:
    made = MadeUp(1)
    page = exposition(made, sources=Sources(cadences={Group.BLOCK_SIZE: 15.0}))
    shown = ("capacity", "allocation", "physical")
    names = [f"libvirt_domain_block_stats_{name}_bytes" for name in shown]
    uuid = made.uuids[0]
    assert not made.table.set_disk_sizes(uuid, b"vda", (1, 2, 3), 1)
    made.table.set_state(uuid, *SHUT_OFF)
    assert not set(names) & scrape(page).names()
    assert not made.table.set_disk_sizes(uuid, b"vdb", (1, 2, 3), 1)
    assert not made.table.set_disk_sizes(bytes(16), b"vda", (1, 2, 3), 1)
    assert made.table.set_disk_sizes(uuid, b"vda", (64, 8, 16), 1)
    found = of_guest(page)
    assert [found[name] for name in names] == [64, 8, 16]
    age = ("hostmon_guest_sample_age_seconds",
           (("domain", "instance-00000000"), ("group", "block_size")))  # fmt: skip
    assert scrape(page).values[age] > 30
    assert made.table.set_disk_sizes(uuid, b"vda", (None, 8, 16), 1)
    assert names[0] not in of_guest(page)
    made.table.set_state(uuid, 1, 1, 7)
    assert not set(names) & scrape(page).names()
