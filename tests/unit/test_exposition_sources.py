"""HELP texts say where a value comes from in this agent, and the page shows how old it is."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from bench.front.tables import MadeUp
from hostmon.exposition import Exposition, Figures
from hostmon.exposition.sources import Sources, group_of
from hostmon.metrics import CATALOGUE, PROFILES, Scope, Source
from hostmon.samples import Group
from hostmon.stats import oldest
from hostmon_drivers.virt_libvirt.readings import Cadences, kernel_readings, other_readings
from tests.agent_process import agent, wait_for
from tests.native.synthetic import set_job

LOCAL = Sources(True, oldest(kernel_readings(Cadences())))
ELSEWHERE = Sources(False, oldest(other_readings(Cadences())))
FIGURES: Figures = {
    "pool_state": {("images",): 1},
    "pool_timed_out": {("images",): 0},
    "network_active": {("lab",): 1},
    "guests_skipped": 0,
    "objects_age_seconds": 3.0,
}
CPU = "libvirt_domain_info_cpu_time_seconds_total"
RSS = "libvirt_domain_memory_stats_rss_bytes"
VCPU = "libvirt_domain_vcpu_time_seconds_total"
RECEIVED = "libvirt_domain_interface_stats_receive_bytes_total"
USABLE = "libvirt_domain_memory_stats_usable_bytes"
JOB = "libvirt_domain_job_info_data_remaining_bytes"
KERNEL = "Kernel: read at the scrape."
AGED = "libvirt: as old as hostmon_guest_sample_age_seconds says."


def page(sources: Sources, profile: str = "hostmon", *, job: bool = True) -> str:
    made = MadeUp(1, job=True, tuned=True)
    set_job(made.table, made.uuids[0], job)  # libvirt was asked for it, and says that there is none
    every = [metric.name for metric in CATALOGUE]
    return (
        Exposition(
            made.table, made.describe, lambda: FIGURES, CollectorRegistry(),
            profile=profile, on=every, sources=sources,
        )
        .page()
        .decode()
    )  # fmt: skip


def help_of(text: str, name: str) -> str:
    found = re.search(rf"^# HELP {name} (.*)$", text, re.MULTILINE)
    assert found, name
    return found[1]


def ages(text: str) -> set[str]:
    return set(
        re.findall(r'^hostmon_guest_sample_age_seconds{.*group="(\w+)"}', text, re.MULTILINE)
    )


def test_a_local_qemus_guests_are_read_from_the_kernel() -> None:
    text = page(LOCAL)
    for name in (CPU, RSS, VCPU):
        assert help_of(text, name).endswith(KERNEL)
    assert help_of(text, RECEIVED).endswith(
        "Kernel: read at the scrape; of an interface without a device on the host, " + AGED
    )
    assert help_of(text, USABLE).endswith(AGED)


def test_of_others_libvirt_is_asked_and_the_help_says_so() -> None:
    text = page(ELSEWHERE)
    for name in (CPU, RSS, VCPU, RECEIVED, USABLE):
        assert help_of(text, name).endswith(f". {AGED}")
    assert "Kernel: " not in text.replace(help_of(text, "libvirt_domain_start_time_seconds"), "")


@pytest.mark.parametrize("sources", [LOCAL, ELSEWHERE], ids=["local", "elsewhere"])
def test_every_group_that_may_be_left_out_has_its_age_shown(sources: Sources) -> None:
    on = {group_of(metric) for metric in CATALOGUE} - {None}
    may_vanish = {group.name.lower() for group in Group if sources.oldest_ns(group)}
    assert may_vanish & {group.name.lower() for group in on if group is not None} <= ages(
        page(sources)
    )


def test_a_jobs_age_is_shown_while_there_is_a_job() -> None:
    assert "job" in ages(page(LOCAL))
    assert help_of(page(LOCAL), JOB).endswith(AGED)
    assert "job" not in ages(page(LOCAL, job=False))


def test_pools_and_networks_have_an_age_of_their_own() -> None:
    text = page(LOCAL)
    for name in ("libvirt_storage_pool_state", "libvirt_network_active"):
        assert help_of(text, name).endswith(
            "libvirt: as old as hostmon_host_objects_age_seconds says."
        )
    for name in ("hostmon_guests_skipped", "libvirt_domain_timed_out"):
        assert help_of(text, name).endswith("Agent: current.")


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"hostmon"}))
def test_a_page_without_ages_names_none(profile: str) -> None:
    for sources in (LOCAL, ELSEWHERE):
        text = page(sources, profile)
        assert "_age_seconds" not in text
        assert help_of(text, RECEIVED).endswith(
            "libvirt: asked in the background, left out once two answers are overdue."
        )


def test_what_stands_alone_has_no_group() -> None:
    alone = {metric.name for metric in CATALOGUE if group_of(metric) is None}
    assert alone > {m.name for m in CATALOGUE if m.scope in (Scope.HOST, Scope.STATE)}
    libvirts = {m.name for m in CATALOGUE if m.source in (Source.KERNEL, Source.LIBVIRT)}
    assert alone & libvirts == {"libvirt_domain_start_time_seconds"}


def test_an_agent_of_the_test_driver_says_that_libvirt_is_asked(tmp_path: Path) -> None:
    with agent(tmp_path, ("--uri", "test:///default")) as running:

        def read() -> str:
            told = running.fetch("metrics")[1].decode()
            return told if {"cpu", "vcpu"} <= ages(told) else ""

        text = wait_for(read)
    for name in (CPU, VCPU):
        assert help_of(text, name).endswith(f". {AGED}")
    assert sum('domain="test"' in line for line in text.splitlines()) <= 60
