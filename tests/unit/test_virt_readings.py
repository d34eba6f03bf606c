"""Which statistics libvirt is asked for, by which call, and what they fill."""

import libvirt
import msgspec
import pytest

from hostmon.driver.virt import Reading
from hostmon.exposition.sources import groups_shown
from hostmon.metrics import CATALOGUE, PROFILES
from hostmon.samples import Group
from hostmon.settings import MetricsSettings
from hostmon.stats import groups_of, mask, oldest, wanted
from hostmon_drivers.virt_libvirt.readings import (
    CALLS,
    Cadences,
    call_of,
    kernel_readings,
    other_readings,
)


class Asked:
    """Stands in for statistics: remembers which groups were asked for."""

    flags = 0

    def read(self, _uuids: list[bytes], flags: int) -> int:
        self.flags = flags
        return 0


def test_parts_of_one_cadence_are_one_call() -> None:
    names = {one.name: one.cadence for one in kernel_readings(Cadences())}
    assert names == {
        "vcpu": 300, "iothread": 300, "dirty_rate": 300, "perf": 300, "block+balloon": 60,
        "job": 15, "interface": 15, "limits": 300, "size": 600,
    }  # fmt: skip
    asked = Asked()
    call_of("vcpu+iothread")(asked, None, [])  # type: ignore[arg-type]
    assert asked.flags == libvirt.VIR_DOMAIN_STATS_VCPU | libvirt.VIR_DOMAIN_STATS_IOTHREAD


def test_what_wakes_vcpus_comes_first_and_alone() -> None:
    even = msgspec.convert(dict.fromkeys(Cadences.__struct_fields__, 15.0), Cadences)
    for cadences in (Cadences(), even):
        first, *others = kernel_readings(cadences)
        assert "vcpu_state" in first.groups
        assert not {"block", "block_size", "balloon"} & set(first.groups)
        assert not any("vcpu_state" in one.groups for one in others)


def test_each_group_may_have_a_cadence_of_its_own() -> None:
    every = {name: float(i + 1) for i, name in enumerate(Cadences.__struct_fields__)}
    readings = kernel_readings(msgspec.convert(every, Cadences))
    assert len(readings) == 10
    assert oldest(readings) == {
        Group.BLOCK: 1, Group.BLOCK_SIZE: 2, Group.BALLOON: 3, Group.VCPU_STATE: 4,
        Group.IO_THREAD: 5, Group.DIRTY_RATE: 6, Group.PERF: 7, Group.IO_TUNE: 8, Group.JOB: 9,
        Group.INTERFACE: 10,
    }  # fmt: skip


@pytest.mark.parametrize("readings", [kernel_readings(Cadences()), other_readings(Cadences())])
def test_every_reading_has_a_call_and_known_groups(readings: tuple[object, ...]) -> None:
    for one in readings:
        assert callable(call_of(one.name))  # type: ignore[attr-defined]
        assert len(groups_of(one.groups)) == len(one.groups) > 0  # type: ignore[attr-defined]
    assert set(CALLS) == {"job", "limits", "singly"}


@pytest.mark.parametrize("readings", [kernel_readings(Cadences()), other_readings(Cadences())])
def test_what_no_page_shows_is_not_read(readings: tuple[Reading, ...]) -> None:
    asked = {one.name for one in wanted(readings, groups_shown(MetricsSettings()))}
    seldom = {"iothread", "dirty_rate", "perf", "limits"}
    assert {one.name for one in readings} - asked == seldom
    for name, reading in (
        ("libvirt_domain_dirty_rate_bytes_per_second", "dirty_rate"),
        ("libvirt_domain_block_stats_limit_request_size_bytes", "limits"),
        ("libvirt_domain_iothread_poll_grow", "iothread"),
        ("libvirt_domain_perf_events_total", "perf"),
    ):
        on = MetricsSettings(on=(name,))
        assert {one.name for one in wanted(readings, groups_shown(on))} - asked == {reading}


def test_every_group_that_is_read_is_shown_where_it_is_on() -> None:
    every = groups_shown(MetricsSettings(on=tuple(metric.name for metric in CATALOGUE)))
    for readings in (kernel_readings(Cadences()), other_readings(Cadences())):
        assert wanted(readings, every) == readings
        assert set(oldest(readings)) <= every


def test_jobs_are_read_whoever_shows_them() -> None:
    every = tuple(metric.name for profile in PROFILES.values() for metric in profile.metrics)
    nothing = groups_shown(MetricsSettings(off=every))
    names = [one.name for one in wanted(kernel_readings(Cadences()), nothing)]
    assert names == ["job"]


def test_a_reading_that_does_not_say_what_it_fills_is_read() -> None:
    assert wanted([Reading(name="all", cadence=1.0)], frozenset()) == (
        Reading(name="all", cadence=1.0),
    )


def test_groups_of_a_newer_driver_are_passed_over() -> None:
    assert groups_of(("block", "telepathy")) == [Group.BLOCK]
    assert mask(("cpu", "block")) == 1 << 0 | 1 << 9
