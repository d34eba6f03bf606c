"""Mounts: which filesystem holds a path, and which are shared."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostmon.machine.mounts import Mount, mount_of, read_mounts

# What libvirt answers for these paths on the recorded hosts (its own test of virFileIsSharedFS).
SHARED = {
    ("mounts2.txt", "/run/user/501/gvfs/some/file"): False,
    ("mounts3.txt", "/nfs/file"): True,
    ("mounts3.txt", "/nfs/blah"): False,
    ("mounts3.txt", "/gluster/file"): True,
    ("mounts3.txt", "/gluster/sshfs/file"): False,
    ("mounts3.txt", "/ceph/file"): True,
    ("mounts3.txt", "/ceph/multi/file"): True,
    ("mounts3.txt", "/gpfs/data"): True,
    ("mounts3.txt", "/quobyte"): True,
    ("mounts3.txt", "/boot/vmlinuz"): False,
}


def test_recorded_mounts(corpus: Callable[[str], Path]) -> None:
    folder = corpus("cgroup-proc-sysinfo") / "virfiledata"
    present = {key: want for key, want in SHARED.items() if (folder / key[0]).exists()}
    assert present
    got = {}
    for name, path in present:
        mount = mount_of(read_mounts(folder / name), path)
        assert mount is not None
        got[name, path] = mount.shared
    assert got == present


def test_every_recorded_line_is_a_mount(corpus: Callable[[str], Path]) -> None:
    folder = corpus("cgroup-proc-sysinfo")
    files = [*folder.glob("virfiledata/*.txt"), *folder.glob("vircgroupdata/*.mounts")]
    assert files
    for path in files:
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        assert len(read_mounts(path)) == len(lines), path


def test_escapes_and_mounts_on_one_another(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text(
        "a / ext4 rw 0 0\nb /my\\040disk\\134x xfs rw 0 0\n"
        "c /x ext4 rw 0 0\nd /x nfs4 rw 0 0\nbad\n"
    )
    mounts = read_mounts(tmp_path / "mounts")
    assert [mount.path for mount in mounts] == ["/", "/my disk\\x", "/x", "/x"]
    assert mount_of(mounts, "/x/../x/y") == Mount("d", "/x", "nfs4")
    assert mount_of(mounts, "/xy") == Mount("a", "/", "ext4")
    assert mount_of(mounts, "/my disk\\x") == mounts[1]


def test_without_mounts_nothing_is_found(tmp_path: Path) -> None:
    assert read_mounts(tmp_path / "none") == ()
    assert mount_of((), "/x") is None


@given(st.binary(max_size=300))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any-mounts"
    path.write_bytes(data)
    assert all(isinstance(mount, Mount) for mount in read_mounts(path))
