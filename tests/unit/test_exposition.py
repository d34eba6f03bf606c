"""The metric page: both formats, its rules, filters, ages, sharing and what names may hold."""

import itertools
import re
import subprocess
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter

from bench.front.tables import MadeUp
from hostmon._exposition import SCOPES, Renderer
from hostmon.errors import SettingsError
from hostmon.exposition import SHARED_NS, Exposition, Figures, Format
from hostmon.exposition.sources import Sources
from hostmon.facts import GuestFacts
from hostmon.machine.boot import BootTime
from hostmon.metrics import CATALOGUE, PROFILES, Scope, Type
from hostmon.samples import Group
from hostmon.scrape import Scrape, read
from hostmon.stats import oldest
from hostmon_drivers.virt_libvirt.readings import Cadences, kernel_readings
from tests.native.synthetic import put

SERIES_A_GUEST = 60
SHUT_OFF = 5, 1, -1
"""State, reason and id of a guest that was shut down."""
FIGURES: Figures = {
    metric.column: {
        tuple(str(i) for i, _ in enumerate(metric.labels)): 1 if metric.type is Type.INFO else 7
    }
    if metric.labels
    else 7
    for profile in PROFILES.values()
    for metric in profile.metrics
    if metric.scope is Scope.HOST
}


def exposition(made: MadeUp, **more: object) -> Exposition:
    """An exposition that never shares a render, but for tests that bring a clock."""
    ticks = itertools.count(0, 10 * SHARED_NS)
    options: dict[str, object] = {"clock_ns": lambda: next(ticks), **more}
    registry = options.pop("registry", CollectorRegistry())
    return Exposition(made.table, made.describe, lambda: FIGURES, registry, **options)  # type: ignore[arg-type]


def scrape(page: Exposition, form: Format = Format.TEXT, **more: object) -> Scrape:
    return read(page.page(form, **more), form.value)  # type: ignore[arg-type]


EVERYTHING = {"on": [metric.name for metric in CATALOGUE]}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["default", "everything"])
def test_page_is_accepted_by_the_strict_reader(
    profile: str, form: Format, options: dict[str, list[str]]
) -> None:
    registry = CollectorRegistry()
    Counter("hostmon_own", "The agent's own.", registry=registry).inc()
    made = MadeUp(5, job=True, tuned=True)
    made.table.set_state(made.uuids[4], *SHUT_OFF)
    page = exposition(made, registry=registry, profile=profile, **options)
    found = scrape(page, form)
    on = [metric for metric in PROFILES[profile].metrics if metric.default or options]
    assert found.names() - {"hostmon_own_created"} == {m.name for m in on} | {"hostmon_own_total"}
    for metric in on:
        kinds = (metric.type.value, "gauge") if metric.type == "info" else (metric.type.value,)
        if not (metric.type == "gauge" and metric.name.endswith("_total")):
            assert found.types[metric.name] in kinds


@pytest.mark.parametrize("profile", PROFILES)
def test_both_formats_have_the_same_series(profile: str) -> None:
    page = exposition(MadeUp(3), profile=profile)
    ages = "hostmon_guest_sample_age_seconds"
    text, strict = (scrape(page, form).values for form in Format)
    assert text.keys() == strict.keys()
    differ = {key[0] for key in text if repr(text[key]) != repr(strict[key])}
    assert differ <= {ages}


def test_promtool_accepts_the_text_page() -> None:
    page = exposition(MadeUp(3, job=True, tuned=True), **EVERYTHING).page()
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr.decode()


def test_a_usual_guest_has_at_most_sixty_series_by_default() -> None:
    asked = oldest(kernel_readings(Cadences()))
    counted = {
        job: len(scrape(exposition(MadeUp(2, job=job), sources=Sources(cadences=asked))).values)
        - len(scrape(exposition(MadeUp(1, job=job), sources=Sources(cadences=asked))).values)
        for job in (False, True)
    }
    assert 50 <= counted[False] < counted[True] <= SERIES_A_GUEST


def test_uuid_and_owner_stand_on_info_series_alone() -> None:
    for name, labels in scrape(exposition(MadeUp(1), **EVERYTHING)).values:
        bears = {label for label, _ in labels}
        if name.startswith(("libvirt_domain_", "hostmon_guest_")):
            assert "domain" in bears
        assert ("uuid" in bears) == (name == "libvirt_domain_info")
        assert ("project_id" in bears) == (name == "libvirt_domain_openstack_info")


def test_every_state_has_one_series_and_one_of_them_is_one() -> None:
    made = MadeUp(1)
    page = exposition(made)
    for number in range(8):
        made.table.set_state(made.uuids[0], number, 1, 1)
        values = [
            value
            for (name, _), value in scrape(page).values.items()
            if name == "libvirt_domain_state"
        ]
        assert values == [float(i == number) for i in range(8)]


def test_columns_appear_with_their_values_and_units() -> None:
    made = MadeUp(1)
    uuid = made.uuids[0]
    put(made.table, uuid, "guest", 0, {"cpu.time_ns": 12_345_678_901, "memory.rss": 2**40})
    put(made.table, uuid, "disk", 0, {"read_bytes": 2**64 - 2, "read_ns": 5_000})
    put(made.table, uuid, "vcpu", 1, {"delay_ns": 1_000_000_001})
    text = exposition(made).page().decode()
    who, disk = '{domain="instance-00000000"', 'target_device="vda"'
    for line in (
        f"libvirt_domain_info_cpu_time_seconds_total{who}}} 12.345678901",
        f"libvirt_domain_memory_stats_rss_bytes{who}}} 1099511627776",
        f"libvirt_domain_block_stats_read_bytes_total{who},{disk}}} {2**64 - 2}",
        f"libvirt_domain_block_stats_read_time_seconds_total{who},{disk}}} 0.000005000",
        f'libvirt_domain_vcpu_delay_seconds_total{who},vcpu="1"}} 1.000000001',
    ):
        assert f"\n{line}\n" in text


@given(value=st.integers(0, 2**64 - 2))
@settings(max_examples=400)
def test_numbers_are_written_exactly(value: int) -> None:
    made = NUMBERS
    put(made.table, made.uuids[0], "guest", 0, {"memory.rss": value, "cpu.time_ns": value})
    text = NUMBERS_PAGE.page().decode()
    whole = re.search(r"\nlibvirt_domain_memory_stats_rss_bytes{[^}]*} (.*)\n", text)
    parts = re.search(r"\nlibvirt_domain_info_cpu_time_seconds_total{[^}]*} (.*)\n", text)
    assert whole
    assert whole[1] == str(value)
    assert parts
    seconds, _, decimals = parts[1].partition(".")
    assert int(seconds) * 10**9 + int(decimals.ljust(9, "0") or "0") == value
    assert len(decimals) in (0, 9)


NUMBERS = MadeUp(1)
NUMBERS_PAGE = exposition(NUMBERS)

names = st.binary(min_size=1, max_size=80).filter(lambda raw: b"\0" not in raw)


@given(name=names, target=names, owner=st.text(max_size=40), form=st.sampled_from(Format))
@settings(max_examples=200)
def test_names_may_hold_any_bytes(name: bytes, target: bytes, owner: str, form: Format) -> None:
    made = MadeUp(1)
    uuid = made.uuids[0]
    made.table.upsert(uuid, name)
    made.table.set_devices(uuid, [(b"k", target)], [(b"m", target)])
    known = next(iter(made.facts.values()))
    made.facts[known.uuid] = GuestFacts(known.uuid, "old name", instance_id="i", user_name=owner)
    found = scrape(exposition(made), form).values
    shown = name.decode("utf-8", "replace")
    domains = {dict(labels)["domain"] for series, labels in found if "domain" in dict(labels)}
    assert domains == {shown}
    devices = {
        dict(labels)["target_device"] for _, labels in found if "target_device" in dict(labels)
    }
    assert devices == {target.decode("utf-8", "replace")}
    owners = [dict(labels) for series, labels in found if series.endswith("openstack_info")]
    expected = owner.encode("utf-8", "replace").decode()
    assert [labels["user_name"] for labels in owners] == [expected]


def test_guests_that_vanish_leave_no_series_and_renamed_ones_no_old_name() -> None:
    made = MadeUp(3)
    page = exposition(made)
    assert b"instance-00000001" in page.page()
    made.table.retire(made.uuids[1])
    made.table.upsert(made.uuids[2], b"renamed")
    text = page.page()
    assert b"instance-00000001" not in text
    assert b'domain="instance-00000002"' not in text
    assert b'domain="renamed"' in text
    made.add("again", 1)
    assert b'domain="again"' in page.page()
    assert len(scrape(page).values) == len(scrape(exposition(MadeUp(3))).values)


def test_of_two_guests_of_one_name_the_running_one_is_shown() -> None:
    made = MadeUp(2)
    made.table.set_state(made.uuids[0], 5, 1, -1)
    made.table.upsert(made.uuids[1], b"instance-00000000")
    found = scrape(exposition(made)).values
    uuids = [dict(labels)["uuid"] for name, labels in found if name == "libvirt_domain_info"]
    assert uuids == [list(made.facts)[1]]


def test_aged_columns_are_left_out_and_their_age_stays() -> None:
    made = MadeUp(1)
    made.read(made.uuids[0], now_ns=1)
    block = "libvirt_domain_block_stats_read_bytes_total"
    assert block in scrape(exposition(made)).names()
    page = exposition(made, sources=Sources(cadences={Group.BLOCK: 15.0}))
    found = scrape(page)
    assert block not in found.names()
    assert "libvirt_domain_memory_stats_usable_bytes" in found.names()
    age = ("hostmon_guest_sample_age_seconds",
           (("domain", "instance-00000000"), ("group", "block")))  # fmt: skip
    assert found.values[age] > 30
    made.read(made.uuids[0])
    found = scrape(page)
    assert block in found.names()
    assert found.values[age] < 30


def test_unknown_columns_are_left_out() -> None:
    made = MadeUp(1)
    put(made.table, made.uuids[0], "guest", 0, {"balloon.usable": 2**64 - 1})
    assert "libvirt_domain_memory_stats_usable_bytes" not in scrape(exposition(made)).names()


def test_collect_keeps_the_named_families() -> None:
    registry = CollectorRegistry()
    Counter("hostmon_own", "The agent's own.", registry=registry).inc()
    page = exposition(MadeUp(2), registry=registry)
    asked = ["libvirt_up", "libvirt_domain_info_cpu_time_seconds", "libvirt_domain_state"]
    for form in Format:
        assert scrape(page, form, collect=asked).names() == {
            "libvirt_up", "libvirt_domain_info_cpu_time_seconds_total", "libvirt_domain_state",
        }  # fmt: skip
    assert scrape(page, collect=["hostmon_own_total"]).names() == {"hostmon_own_total"}
    assert scrape(page, collect=["nothing"]).names() == set()


@pytest.mark.parametrize(
    ("device", "gone"),
    [("vcpu", "_vcpu_time"), ("disk", "_block_"), ("interface", "_interface_")],
)
def test_devices_can_be_left_out(device: str, gone: str) -> None:
    made = MadeUp(1)
    assert any(gone in name for name in scrape(exposition(made)).names())
    assert not any(gone in name for name in scrape(exposition(made, without=[device])).names())


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"profile": "other"}, "profile 'other' is unknown"),
        ({"on": ["no_such"]}, "metric 'no_such' is unknown"),
        ({"without": ["cable"]}, "device 'cable' is unknown"),
    ],
)
def test_unknown_names_are_refused(options: dict[str, object], fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        exposition(MadeUp(0), **options)


def test_a_registry_may_not_have_a_family_of_the_catalogue() -> None:
    registry = CollectorRegistry()
    Counter("libvirt_domain_vcpu_time_seconds", "A second one.", registry=registry)
    with pytest.raises(SettingsError, match="libvirt_domain_vcpu_time_seconds"):
        exposition(MadeUp(0), registry=registry)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 10 * SHARED_NS

    def __call__(self) -> int:
        return self.now


def test_scrapes_that_come_together_share_one_render() -> None:
    made, clock, renders = MadeUp(1), Clock(), []
    page = exposition(made, clock_ns=clock, fresh=lambda: renders.append(clock.now))
    first = page.page()
    put(made.table, made.uuids[0], "guest", 0, {"memory.rss": 1})
    clock.now += SHARED_NS - 1
    assert page.page() == first
    assert zlib.decompress(page.page(compressed=True), 31) == first
    assert len(renders) == 1
    assert page.page(compressed=True) is page.page(compressed=True)
    clock.now += 1
    second = page.page()
    assert second != first
    assert zlib.decompress(page.page(compressed=True), 31) == second
    assert page.page(Format.OPENMETRICS) != second
    assert len(renders) == 3


def test_a_page_given_out_never_changes() -> None:
    made = MadeUp(50)
    page = exposition(made)
    first = page.page()
    copy = bytes(bytearray(first))
    for uuid in made.uuids:
        made.read(uuid)
    assert page.page() != copy
    assert first == copy


def test_labels_are_made_again_for_changed_guests_alone() -> None:
    made = MadeUp(3)
    asked: list[str] = []

    def describe(uuid: str) -> GuestFacts | None:
        asked.append(uuid)
        return made.facts[uuid]

    ticks = itertools.count(0, 10 * SHARED_NS)
    page = Exposition(made.table, describe, dict, CollectorRegistry(), clock_ns=lambda: next(ticks))
    page.page()
    page.page()
    assert sorted(asked) == sorted(made.facts)
    asked.clear()
    made.table.definition_changed(made.uuids[1])
    page.page()
    assert asked == [list(made.facts)[1]]


def test_memory_is_well_below_its_bound_and_returns() -> None:
    made = MadeUp(200)
    page = exposition(made)
    page.page()
    assert page.memory + made.table.memory < 8 * 1024 * 200
    assert page.memory < 2900 * 200, "what all guests' texts end in is kept once"
    for uuid in made.uuids:
        made.table.retire(uuid)
    page.page()
    assert page.memory < 20_000


@pytest.mark.parametrize(
    "texts", [b'domain="b",state="on"} ', b'domain="a",state="%d"} '], ids=["begin", "end"]
)
def test_a_state_whose_text_not_all_guests_can_share_is_refused(texts: bytes) -> None:
    numbers = itertools.count()

    def build(*_: object) -> list[list[bytes]]:
        text = texts % next(numbers) if b"%" in texts else texts
        return [[b'domain="a"} '], [text], *([] for _ in SCOPES[2:])]

    with pytest.raises(ValueError, match="give the guest's own labels"):
        Renderer([], build).refresh(MadeUp(2).table.snapshot())


def test_start_times_count_from_the_hosts_boot_as_its_clocks_have_it_now() -> None:
    made = MadeUp(1)
    put(made.table, made.uuids[0], "guest", 0, {"start_ticks": 250})
    clocks = {time.CLOCK_REALTIME: 1_700_000_100 * 10**9, time.CLOCK_BOOTTIME: 100 * 10**9}
    page = exposition(made, boot=BootTime(clocks.__getitem__))

    def started() -> float:
        name = "libvirt_domain_start_time_seconds"
        return scrape(page).values[name, (("domain", "instance-00000000"),)]

    assert started() == 1_700_000_002.5
    clocks[time.CLOCK_REALTIME] += 3600 * 10**9  # somebody set the clock
    assert started() == 1_700_003_602.5


def test_single_families_can_be_switched_off() -> None:
    off = next(metric.name for metric in CATALOGUE if metric.scope is Scope.VCPU and metric.default)
    found = scrape(exposition(MadeUp(1), off=[off])).names()
    assert off not in found
    assert found
