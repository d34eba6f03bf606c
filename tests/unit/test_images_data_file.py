"""qcow2 images that keep their clusters in another file, as qemu-img makes them."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest

from hostmon.images.inspect import inspect
from hostmon.images.storage import Disk, Image
from hostmon.images.survey import Survey

MIB = 1 << 20
GUEST = b"g" * 16

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-img") is None, reason="qemu-img is not installed"
)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Of 64 MiB, three of which its guest has written; both files go by names in one folder."""
    path = tmp_path / "disk.qcow2"
    options = "data_file=clusters,data_file_raw=on"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "64M"],
        check=True, cwd=tmp_path,
    )  # fmt: skip
    with (tmp_path / "clusters").open("r+b") as file:
        file.write(b"x" * 3 * MIB)
        os.fsync(file.fileno())
    return path


def look(path: Path, capacity: int | None = None) -> Image:
    return inspect(Disk(GUEST, str(path), "qcow2", capacity))


@pytest.mark.parametrize("capacity", [None, 64 * MIB])
def test_what_is_occupied_is_the_data_file(image: Path, capacity: int | None) -> None:
    data = image.with_name("clusters")
    allocated = data.stat().st_blocks * 512
    assert allocated >= 3 * MIB > image.stat().st_blocks * 512
    found = look(image, capacity)
    assert (found.state, found.virtual, found.allocated) == ("ok", 64 * MIB, allocated)
    assert found.growth == 64 * MIB - allocated
    assert found.physical == data.stat().st_size
    assert found.layers == (str(image), str(data))
    storage = Survey(folders=()).run([Disk(GUEST, str(image), "qcow2", capacity)])
    assert storage.by_guest() == {GUEST: (allocated, 64 * MIB)}


@pytest.mark.parametrize("capacity", [None, 64 * MIB])
def test_a_data_file_that_is_not_there_leaves_the_image_unknown(
    image: Path, capacity: int | None
) -> None:
    data = image.with_name("clusters")
    data.unlink()
    found = look(image, capacity)
    assert (found.state, found.allocated, found.growth) == ("unreadable", None, None)
    assert "clusters: No such file" in found.reason
    data.mkdir()
    assert look(image, capacity).growth is None
    data.rmdir()
    os.mkfifo(data)
    assert look(image, capacity).growth is None


def test_a_data_file_on_another_filesystem_leaves_the_image_unknown(image: Path) -> None:
    shm = Path("/dev/shm")
    if shm.stat().st_dev == image.stat().st_dev:
        pytest.skip("/dev/shm is no filesystem of its own here")
    data = image.with_name("clusters")
    data.unlink()
    with NamedTemporaryFile(dir=shm) as elsewhere:
        data.symlink_to(elsewhere.name)
        found = look(image)
    assert (found.state, found.growth) == ("unreadable", None)
    assert "no file of its own filesystem" in found.reason


def test_a_block_device_takes_no_room(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Path.stat

    def device(path: Path, **options: bool) -> os.stat_result:
        found = stat(path, **options)
        return os.stat_result((0o060660, *found[1:])) if path.name == "clusters" else found

    monkeypatch.setattr(Path, "stat", device)
    found = look(image)
    assert (found.block_device, found.growth, found.virtual) == (True, 0, 64 * MIB)
    storage = Survey(folders=()).run([Disk(GUEST, str(image), "qcow2")])
    assert storage.by_guest() == {}
