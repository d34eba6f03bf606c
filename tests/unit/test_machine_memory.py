"""The host's memory by /proc/meminfo, whichever fields a kernel has and in whichever order."""

import itertools
from pathlib import Path

from hostmon.machine.files import HERE, Roots
from hostmon.machine.memory import (
    FIELDS,
    HUGE_PAGE,
    Memory,
    default_huge_page,
    read_hugepages,
    read_meminfo,
    read_memory,
)

KIB = 1024
TEXT = {
    "MemTotal": 1000, "MemFree": 200, "MemAvailable": 300, "Buffers": 40, "Cached": 50,
    "SwapCached": 7, "SwapTotal": 60, "SwapFree": 20,
}  # fmt: skip


def written(folder: Path, *names: str) -> Roots:
    lines = [f"{name}:  {TEXT[name]} kB\n" for name in names]
    (folder / "meminfo").write_text("".join(lines))
    return Roots(proc=folder)


def test_the_order_of_the_fields_is_of_no_account(tmp_path: Path) -> None:
    expected = Memory(
        1000 * KIB, 200 * KIB, 300 * KIB, 40 * KIB, 50 * KIB, 60 * KIB, 20 * KIB
    )  # fmt: skip
    for last in TEXT:
        names = [name for name in TEXT if name != last]
        assert read_memory(written(tmp_path, *names, last)) == expected, last
        assert read_memory(written(tmp_path, last, *names)) == expected, last


def test_an_older_kernels_estimate_is_the_sum_that_was_usual(tmp_path: Path) -> None:
    names = [name for name in TEXT if name != "MemAvailable"]
    memory = read_memory(written(tmp_path, *names))
    assert memory is not None
    assert memory.available == (200 + 40 + 50) * KIB


def test_without_a_total_nothing_is_known(tmp_path: Path) -> None:
    assert read_memory(written(tmp_path, "MemFree", "Cached")) is None
    assert read_memory(Roots(proc=tmp_path / "none")) is None


def test_wanted_fields_are_those_of_the_whole(tmp_path: Path) -> None:
    path = written(tmp_path, *TEXT).proc / "meminfo"
    whole = read_meminfo(path)
    for count in (1, 2, 3):
        for wanted in itertools.combinations(TEXT, count):
            assert read_meminfo(path, wanted) == {name: whole[name] for name in wanted}
    assert read_meminfo(path, ("MemTotal", "Other")) == {"MemTotal": 1000 * KIB}


def test_the_default_huge_page_is_the_kernels(tmp_path: Path) -> None:
    written(tmp_path, "MemTotal")
    roots = Roots(proc=tmp_path)
    assert default_huge_page(roots) == HUGE_PAGE, "a kernel without huge pages"
    for kib, size in (("1048576", 1 << 30), ("65536", 64 << 20), ("0", HUGE_PAGE)):
        (tmp_path / "meminfo").write_text(f"MemTotal: 9 kB\nHugepagesize:    {kib} kB\n")
        assert default_huge_page(roots) == size
    pools = {pool.size for pool in read_hugepages(HERE.hugepages)}
    assert default_huge_page(HERE) in (pools or {HUGE_PAGE})


def test_this_kernel_has_every_field() -> None:
    assert read_meminfo(HERE.proc / "meminfo").keys() >= FIELDS
