"""Every column of the catalogue that the account fills is filled, with the labels it names."""

from hostmon.account import CellAccount, HostAccount, PagePool, Resource
from hostmon.account_figures import account_figures
from hostmon.images.storage import Filesystem, Storage
from hostmon.metrics import Source
from hostmon.metrics.host import AUDIT, CELLS, MEMORY, STORAGE, VCPUS

ACCOUNT = HostAccount(
    vcpus=Resource(8, 1, 2.0, used=3, held=1, allocated=5),
    memory=Resource(1 << 34, used=1 << 30),
    disk=Resource(100, reserved=7),
    defined=2,
    active=1,
    held=1,
    changes=9,
    cells=(
        CellAccount(
            2, 4, 1, 1 << 33, 5 << 20, (PagePool(4096, 9), PagePool(2 << 20, 6, 4, 5 << 20))
        ),
    ),
    memory_in_use=77,
)
STORAGE_NOW = Storage(
    (
        Filesystem("/", "ext4", False, 100, 60, 30, growth=10, virtual=55, images=1),
        Filesystem("/nfs", "nfs4", True, None, None, None, unknown=1),
    )
)


def test_every_column_is_filled_with_its_labels() -> None:
    figures = account_figures(ACCOUNT, STORAGE_NOW)
    metrics = {
        metric.column: metric
        for metric in (*VCPUS, *MEMORY, *STORAGE, *CELLS)
        if metric.source is Source.ACCOUNT
    }
    assert metrics
    assert figures.keys() == metrics.keys()
    assert not figures.keys() & {metric.column for metric in AUDIT}
    for column, values in figures.items():
        labels = metrics[column].labels
        if isinstance(values, dict):
            assert labels
            assert all(len(key) == len(labels) for key in values), column
        else:
            assert not labels, column


def test_values() -> None:
    figures = account_figures(ACCOUNT, STORAGE_NOW)
    assert (figures["vcpus"], figures["vcpus_free"], figures["vcpus_held"]) == (8, 11, 1)
    assert figures["memory_pages_used_bytes"] == 77
    assert figures["hugepages_used"] == {("2", str(2 << 20)): 2}
    assert figures["disk_used_bytes"] == {("/",): 60}
    assert figures["disk_available_least_bytes"] == {("/",): 20}
    assert figures["disk_reserved_bytes"] == {("/",): 7}
    assert figures["disk_shared"] == {("/",): 0, ("/nfs",): 1}


def test_what_is_not_known_is_left_out() -> None:
    unknown = HostAccount(Resource(1), Resource(1), Resource(0), 0, 0, 0, 0)
    figures = account_figures(unknown)
    assert "memory_pages_used_bytes" not in figures
    assert not any(column.startswith("disk") for column in figures)
    assert figures["numa_cpus"] == {}
