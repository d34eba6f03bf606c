"""Mounted control group hierarchies, held against what libvirt finds in the same files."""

from pathlib import Path

import pytest

from hostmon.machine.cgroups import host_mounts, parse_mounts
from tests.conftest import Corpus

MOUNTS = b"""\
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup2 /sys/fs/cgroup/uni\\040fied cgroup2 rw,nsdelegate 0 0
short line
"""


def test_both_versions() -> None:
    found = parse_mounts(MOUNTS)
    assert found["cpu"] == found["cpuacct"] == "/sys/fs/cgroup/cpu,cpuacct"
    assert found["unified"] == "/sys/fs/cgroup/uni fied"
    assert "memory" not in found


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_bytes(MOUNTS)
    assert host_mounts(tmp_path / "mounts") == parse_mounts(MOUNTS)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe \xff cgroup \xff", b"\\777 \\999 cgroup2 x"])
def test_garbage(text: bytes) -> None:
    parse_mounts(text)


def test_recorded_mounts(corpus: Corpus) -> None:
    folder = corpus("cgroup-proc-sysinfo") / "vircgroupdata"
    compared = 0
    for expected in sorted(folder.glob("*.parsed")):
        found = parse_mounts(expected.with_suffix(".mounts").read_bytes())
        for line in expected.read_text().splitlines():
            name, where = line.split(None, 1)
            assert found.get(name, "<null>") == where, f"{expected.name}: {name}"
            compared += 1
    assert compared >= 40
