"""The host's account on the page."""

import itertools
import math

import msgspec
from prometheus_client import CollectorRegistry

from bench.front.tables import MadeUp
from hostmon.account import CellAccount, FilesystemAccount, HostAccount, PagePool, Resource
from hostmon.exposition import SHARED_NS, Exposition, Format
from hostmon.exposition.account import BASE_PAGE, account_figures, filesystem_figures
from hostmon.ledger import HostLedger
from hostmon.machine.sysfs import read_topology
from hostmon.metrics.host import CELLS, FILESYSTEMS, MEMORY, STORAGE, VCPUS
from hostmon.scrape import read

MIB = 2**20
ACCOUNT = HostAccount(
    vcpus=Resource(total=8, reserved=1, allocation_ratio=4.0, used=6, held=2, allocated=10),
    memory=Resource(total=1000, used=300),
    disk=Resource(total=5000, used=7, allocated=90),
    defined=3, active=2, held=1, changes=9,
    cells=(CellAccount(0, 4, 3, 500, 200, (PagePool(2 * MIB, 10, 4, 6 * 2 * MIB),)),
           CellAccount(1, 4, 0, 500, 0)),
    pages=(PagePool(2 * MIB, 10, None, 2 * MIB),),
    memory_in_use=400,
    disk_available_least=-20,
    surveyed_ns=1,
)  # fmt: skip


def test_every_column_of_the_account_is_filled_or_said_to_be_unknown() -> None:
    columns = {metric.column for part in (VCPUS, MEMORY, STORAGE, CELLS) for metric in part}
    assert account_figures(ACCOUNT).keys() == columns
    small = HostAccount(
        vcpus=ACCOUNT.vcpus, memory=ACCOUNT.memory, disk=ACCOUNT.disk,
        defined=0, active=0, held=0, changes=0, surveyed_ns=1,
    )  # fmt: skip
    assert columns - account_figures(small).keys() == {
        "memory_pages_used_bytes", "disk_available_least_bytes",
    }  # fmt: skip


def test_storage_that_nobody_has_looked_at_is_not_shown_as_none() -> None:
    unseen = msgspec.structs.replace(ACCOUNT, surveyed_ns=0, disk_available_least=None)
    figures = account_figures(unseen)
    assert not figures.keys() & {metric.column for metric in STORAGE}
    assert ("disk",) not in dict(figures["allocation_ratio"])  # type: ignore[arg-type]
    assert ("disk",) in dict(account_figures(ACCOUNT)["allocation_ratio"])  # type: ignore[arg-type]


def test_filesystems_are_told_apart_and_shared_ones_flagged() -> None:
    local = FilesystemAccount("/", "ext4", False, 100, 60, 20, 40, images=3)
    shared = FilesystemAccount("/nfs", "nfs4", True, 900, 500, 7, None, images=2, unknown=1)
    hung = FilesystemAccount("/hung", "xfs", images=1, unknown=1)
    lost = FilesystemAccount("", images=1, unknown=1)
    figures = filesystem_figures((local, shared, hung, lost))
    assert figures.keys() == {metric.column for metric in FILESYSTEMS}
    exposition = Exposition(
        MadeUp(0).table, lambda _: None, lambda: {**figures}, CollectorRegistry()
    )
    prefix = "hostmon_host_filesystem_"
    for form in Format:
        found = read(exposition.page(form), form.value).values
        flags = {
            tuple(dict(labels)[name] for name in ("mountpoint", "fstype", "shared")): value
            for (name, labels), value in found.items()
            if name == f"{prefix}info"
        }
        assert flags == {("/", "ext4", "0"): 1, ("/nfs", "nfs4", "1"): 1, ("/hung", "xfs", "0"): 1}
        told: dict[str, dict[str, float]] = {}
        for (name, labels), value in found.items():
            if name.startswith(prefix) and name != f"{prefix}info":
                told.setdefault(name.removeprefix(prefix), {})[dict(labels)["mountpoint"]] = value
        assert told == {
            "bytes": {"/": 100, "/nfs": 900},
            "available_bytes": {"/": 60, "/nfs": 500},
            "growth_bytes": {"/": 20, "/nfs": 7, "/hung": 0},
            "available_least_bytes": {"/": 40},
            "images": {"/": 3, "/nfs": 2, "/hung": 1, "": 1},
            "images_unknown": {"/": 0, "/nfs": 1, "/hung": 1, "": 1},
        }
    assert filesystem_figures(()) == {}


def test_the_accounts_numbers_are_on_the_page() -> None:
    exposition = Exposition(
        MadeUp(0).table, lambda _: None, lambda: account_figures(ACCOUNT), CollectorRegistry()
    )
    for form in Format:
        found = read(exposition.page(form), form.value).values
        for name, labels, value in (
            ("vcpus", {}, 8),
            ("vcpus_used", {}, 6),
            ("vcpus_free", {}, 22),
            ("vcpus_held", {}, 2),
            ("allocation_ratio", {"resource": "vcpus"}, 4.0),
            ("memory_pages_used_bytes", {}, 400),
            ("disk_available_least_bytes", {}, -20),
            ("numa_vcpus_used", {"cell": "0"}, 3),
            ("hugepages_used", {"cell": "0", "size_bytes": str(2 * MIB)}, 6),
        ):
            assert found[f"hostmon_host_{name}", tuple(labels.items())] == value, name


def test_figures_that_change_or_come_and_go_are_shown_as_they_are_now() -> None:
    ratios: dict[tuple[str, ...], float] = {("vcpus",): 4.0}
    figures: dict[str, float | dict[tuple[str, ...], float]] = {"allocation_ratio": ratios}
    ticks = itertools.count(0, SHARED_NS)
    exposition = Exposition(
        MadeUp(0).table, lambda _: None, lambda: figures, CollectorRegistry(),
        clock_ns=lambda: next(ticks),
    )  # fmt: skip

    def shown(form: Format) -> dict[str, float]:
        values = read(exposition.page(form), form.value).values
        return {
            dict(labels).get("resource", name): value for (name, labels), value in values.items()
        }

    for form in (*Format, *Format):
        ratios[("vcpus",)] += 1  # in place: the page has kept none of what it was given
        assert shown(form)["vcpus"] == ratios[("vcpus",)]
    ratios[("disk",)] = 2.0
    figures["vcpus"] = 8
    for form in Format:
        assert shown(form) == {"vcpus": ratios[("vcpus",)], "disk": 2.0, "hostmon_host_vcpus": 8}
    figures["vcpus"] = float("nan")
    assert math.isnan(shown(Format.TEXT)["hostmon_host_vcpus"])
    ratios.clear()
    del figures["vcpus"]
    for form in Format:
        assert shown(form) == {}


def test_pages_of_the_base_size_are_no_huge_pages() -> None:
    small = PagePool(BASE_PAGE, 1000, 400, 10 * BASE_PAGE)
    cells = tuple(
        msgspec.structs.replace(cell, pages=(small, *cell.pages)) for cell in ACCOUNT.cells
    )
    with_base = msgspec.structs.replace(ACCOUNT, cells=cells)
    alone = msgspec.structs.replace(ACCOUNT, cells=(), pages=(small, *ACCOUNT.pages))
    names = ("hugepages", "hugepages_used", "hugepages_free")
    for account, without in (
        (with_base, ACCOUNT),
        (alone, msgspec.structs.replace(ACCOUNT, cells=())),
    ):
        for name in names:
            assert account_figures(account)[name] == account_figures(without)[name]
    assert account_figures(with_base)["hugepages"] == {("0", str(2 * MIB)): 10}


def test_this_machine_has_no_series_of_its_base_pages() -> None:
    """The kernel's own cells: each has a pool of base pages, by sysconf's size."""
    topology = read_topology()
    assert {pages.size for cell in topology.cells for pages in cell.pages} >= {BASE_PAGE}
    figures = account_figures(HostLedger(topology).account())
    sizes = {size for _, size in figures["hugepages"]}  # type: ignore[union-attr]
    assert str(BASE_PAGE) not in sizes


def test_huge_pages_are_the_cells_or_without_cells_the_hosts() -> None:
    in_cells = account_figures(ACCOUNT)["hugepages_used"]
    assert in_cells == {("0", str(2 * MIB)): 6}
    without = msgspec.structs.replace(ACCOUNT, cells=())
    assert account_figures(without)["hugepages_used"] == {("", str(2 * MIB)): 1}
    assert account_figures(without)["hugepages_free"] == {}
