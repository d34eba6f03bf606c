"""The agent's process among its metrics: what prometheus-client's collector says of it."""

import os
from pathlib import Path, PosixPath

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry

from hostmon.process_metrics import ProcessCollector, count


def samples(collector: object) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(collector)  # type: ignore[arg-type]
    found = [sample for family in registry.collect() for sample in family.samples]
    return {sample.name: sample.value for sample in found}


def test_says_what_the_library_says() -> None:
    library = samples(prometheus_client.ProcessCollector(registry=None))
    ours = samples(ProcessCollector())
    assert ours.keys() == library.keys()
    for name, value in library.items():
        own = name == "process_open_fds"  # the library's listing lists itself
        assert ours[name] + own == pytest.approx(value, rel=0.05, abs=0.1), name
    assert ours["process_max_fds"] == library["process_max_fds"]
    assert ours["process_start_time_seconds"] == library["process_start_time_seconds"]


class OlderKernel(PosixPath):
    """A folder whose size says nothing."""

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat_result((0,) * 10)


def test_descriptors_are_counted_whether_the_kernel_tells_their_number_or_not() -> None:
    before = count(Path("/proc/self/fd"))
    more = [os.dup(0) for _ in range(40)]
    try:
        assert count(Path("/proc/self/fd")) == before + len(more)
    finally:
        for each in more:
            os.close(each)

    assert count(OlderKernel("/proc/self/fd")) == before


def test_nothing_is_said_where_descriptors_cannot_be_counted(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    for name in ("stat", "self/stat"):
        (tmp_path / name).write_bytes((Path("/proc") / name).read_bytes())
    assert list(ProcessCollector(tmp_path).collect()) == []


def test_nothing_is_said_without_proc(tmp_path: Path) -> None:
    assert samples(ProcessCollector(tmp_path)) == {}
