"""Filesystems that look like several and take their room from one place count once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hostmon.images import survey
from hostmon.images.storage import Disk, Storage
from hostmon.images.survey import Space, Survey
from hostmon.machine.files import Roots

GIB = 1 << 30

# In a mount namespace of its own: whatever ends it, the mounts and the loop device end with it.
MOUNTED = """
mkdir top home vms
mkfs.btrfs -q image >&2 && mount -o loop image top || exit 77
btrfs subvolume create top/@home >&2 && btrfs subvolume create top/@vms >&2 || exit 77
device=$(findmnt -n -o SOURCE top)
mount -o subvol=@home "$device" home && mount -o subvol=@vms "$device" vms || exit 77
truncate -s 8M home/disk && truncate -s 16M vms/disk && sync -f vms
exec "$@"
"""

LOOK = """
import os, sys
from pathlib import Path
import msgspec
from hostmon.images.storage import Disk
from hostmon.images.survey import Survey
home, vms = (Path(name) for name in ("home", "vms"))
assert home.stat().st_dev != vms.stat().st_dev, "one number: nothing is tried here"
disks = [Disk(b"g", str(path.resolve() / "disk")) for path in (home, vms)]
found = Survey(folders=()).run(disks)
space = os.statvfs("home")
sizes = space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize
print(msgspec.json.encode([found.total, found.available_least, found.filesystems, sizes]).decode())
"""


def test_subvolumes_of_a_real_btrfs_count_once(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("mkfs.btrfs") is None:
        pytest.skip("wants root and mkfs.btrfs: apt install btrfs-progs")
    if "\tbtrfs\n" not in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has no btrfs")
    with (tmp_path / "image").open("wb") as file:
        file.truncate(256 << 20)
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", MOUNTED, "-", sys.executable, "-c", LOOK],
        cwd=tmp_path, capture_output=True, text=True, timeout=50,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    if ran.returncode == 77:
        pytest.skip(f"no btrfs can be mounted here: {ran.stderr}")
    assert ran.returncode == 0, ran.stderr
    total, least, filesystems, sizes = json.loads(ran.stdout)
    assert [(one["type"], one["images"]) for one in filesystems] == [("btrfs", 2)]
    assert total == sizes[0]
    assert least == sizes[1] - (24 << 20)


class Places:
    """Mounts by their text, and what statvfs says of each; one that says nothing hangs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, mounts: str) -> None:
        (folder / "mounts").write_text(mounts)
        self.told: dict[str, Space] = {}
        self._survey = Survey(Roots(proc=folder), folders=("/", "/home", "/vms"))
        monkeypatch.setattr(survey, "_space", lambda path: self.told.get(path, Space(path)))

    def tell(self, path: str, device: int, used: int, available: int) -> None:
        self.told[path] = Space(path, device, (used + available) * GIB, used * GIB, available * GIB)

    def look(self) -> Storage:
        return self._survey.run([Disk(b"g", "/vms/none")])


def test_subvolumes_of_one_btrfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(
        tmp_path,
        monkeypatch,
        "/dev/a / btrfs rw,subvol=/@ 0 0\n/dev/a /home btrfs rw,subvol=/@home 0 0\n"
        "/dev/b /vms btrfs rw 0 0\n",
    )
    places.tell("/", 41, 40, 60)
    places.tell("/home", 42, 40, 60)
    places.tell("/vms", 43, 1, 9)
    found = places.look()
    assert [one.path for one in found.filesystems] == ["/", "/vms"]
    assert (found.total, found.available_least) == (110 * GIB, 69 * GIB)
    del places.told["/"]
    found = places.look()
    assert (found.total, found.available_least) == (110 * GIB, 69 * GIB), "another place told it"


def test_datasets_of_one_pool_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(
        tmp_path,
        monkeypatch,
        "tank / zfs rw 0 0\ntank/home /home zfs rw 0 0\ntank/vms /vms zfs rw 0 0\n",
    )
    places.tell("/", 41, 1, 60)
    places.tell("/home", 42, 9, 60)
    places.tell("/vms", 43, 30, 60)
    found = places.look()
    (pool,) = found.filesystems
    assert (pool.path, pool.total, pool.used) == ("/", 100 * GIB, 40 * GIB)
    assert found.available_least == 60 * GIB
    places.told.clear()
    (pool,) = places.look().filesystems
    assert (pool.total, pool.used, pool.available_least) == (100 * GIB, None, None)


def test_pools_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(tmp_path, monkeypatch, "tank/a / zfs rw 0 0\ntank2/a /vms zfs rw 0 0\n")
    places.tell("/", 41, 4, 6)
    places.tell("/vms", 42, 1, 1)
    assert places.look().total == 12 * GIB
