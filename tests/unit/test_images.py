"""Disks of every sort looked at, and the account of their filesystems."""

import logging
import os
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostmon.images.declared import disks_of
from hostmon.images.inspect import MAX_LAYERS, inspect
from hostmon.images.storage import Disk, Filesystem, Image, Storage
from hostmon.images.survey import Survey
from hostmon.machine.files import Roots
from hostmon.xml.domain import Domain

GUEST = b"g" * 16
MIB = 1 << 20


def header(virtual: int = 1 << 30, name: bytes = b"", features: int = 0) -> bytes:
    """A qcow2 image's header, its backing file being a qcow2 image too."""
    extension = b"\xe2\x79\x2a\xca\0\0\0\x05qcow2\0\0\0" + bytes(8)
    at = 104 + len(extension) if name else 0
    start = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, at, len(name), 16, virtual)
    return start.ljust(72, b"\0") + struct.pack(">QQQII", features, 0, 0, 4, 104) + extension + name


def sparse(path: Path, size: int, written: bytes = b"") -> Path:
    with path.open("wb") as file:
        file.write(written)
        file.truncate(size)
    return path


def overlay(path: Path, below: str) -> Path:
    """A qcow2 image on top of another one."""
    path.write_bytes(header(name=below.encode("utf-8", "surrogateescape")))
    return path


def look(path: Path | str, declared: str = "raw", capacity: int | None = None) -> Image:
    return inspect(Disk(GUEST, str(path), declared, capacity))


def test_sparse_raw_file_may_grow_to_its_size(tmp_path: Path) -> None:
    path = sparse(tmp_path / "disk", 8 * MIB, b"x" * MIB)
    image = look(path)
    assert (image.state, image.virtual) == ("ok", 8 * MIB)
    assert image.allocated == path.stat().st_blocks * 512
    assert image.growth == 8 * MIB - path.stat().st_blocks * 512
    assert image.physical == 8 * MIB


def test_full_raw_file_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"x" * MIB)
    assert look(path).growth == 0


def test_qcow2_may_grow_to_its_virtual_size(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(header(virtual=1 << 40).ljust(MIB, b"\1"))
    image = look(path, "qcow2")
    assert image.growth == (1 << 40) - path.stat().st_blocks * 512
    assert image.physical == MIB


def test_raw_disk_is_not_taken_for_what_its_guest_wrote(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(header(virtual=1 << 40))
    assert look(path, "raw").virtual == len(header())


def test_block_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "7:3").mkdir()
    (tmp_path / "7:3/size").write_text("2048\n")
    found = os.stat_result((0o060660, *(0,) * 9), {"st_rdev": os.makedev(7, 3)})
    monkeypatch.setattr(Path, "stat", lambda *_, **__: found)
    image = inspect(Disk(GUEST, "/dev/vg/disk", "raw"), devices=tmp_path)
    assert (image.state, image.virtual, image.growth) == ("ok", MIB, 0)
    assert image.physical == MIB


def test_missing_is_not_unreadable(tmp_path: Path) -> None:
    assert look(tmp_path / "none").state == "missing"
    assert look(tmp_path / "none/below").state == "missing"
    assert look("bad\0name").state == "unreadable"


@pytest.mark.parametrize("declared", ["raw", "qcow2"])
def test_fifo_and_folder_are_no_images(tmp_path: Path, declared: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        image = look(path, declared)
        assert (image.state, image.growth) == ("unreadable", None)


def test_unreadable_is_unknown_unless_libvirt_told_its_size(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"not qcow2")
    assert (look(path, "qcow2").state, look(path, "qcow2").growth) == ("unreadable", None)
    assert look(path, "vmdk").growth is None
    known = look(path, "qcow2", capacity=MIB)
    assert (known.state, known.growth) == ("ok", MIB - path.stat().st_blocks * 512)
    path.write_bytes(header(features=1 << 2))
    assert look(path, "qcow2").growth is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without rights")
def test_image_of_another_user(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(header())
    path.chmod(0o600)
    for folder in [tmp_path, *tmp_path.parents][:-2]:
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        assert look(path, "qcow2").state == "unreadable"
        assert look(path, "raw").state == "ok"
    finally:
        os.seteuid(0)


def test_chain(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.write_bytes(header())
    middle = overlay(tmp_path / "middle", str(base))
    top = overlay(tmp_path / "top", "middle")
    assert look(top, "qcow2").layers == (str(top), str(middle), str(base))


def test_chain_of_no_end(tmp_path: Path) -> None:
    overlay(tmp_path / "a", "b")
    overlay(tmp_path / "b", "./a")
    assert look(tmp_path / "a", "qcow2").layers == (str(tmp_path / "a"), str(tmp_path / "b"))
    for i in range(MAX_LAYERS + 9):
        overlay(tmp_path / f"n{i}", f"n{i + 1}")
    assert len(look(tmp_path / "n0", "qcow2").layers) == MAX_LAYERS


@pytest.mark.parametrize("name", ["json:{}", "nbd://host/x", "fifo", "none", "raw\udcff"])
def test_chain_ends_before_what_it_must_not_open(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    top = overlay(tmp_path / "top", name)
    assert look(top, "qcow2").layers[0] == str(top)
    assert len(look(top, "qcow2").layers) <= 2


def test_account_of_one_filesystem(tmp_path: Path) -> None:
    disks = [
        Disk(GUEST, str(sparse(tmp_path / "one", 4 * MIB))),
        Disk(b"h" * 16, str(tmp_path / "one")),
        Disk(GUEST, str(sparse(tmp_path / "two", 2 * MIB))),
        Disk(GUEST, str(tmp_path / "gone")),
    ]
    storage = Survey(folders=()).run(disks)
    (filesystem,) = storage.filesystems
    space = os.statvfs(tmp_path)
    assert (filesystem.growth, filesystem.images, filesystem.unknown) == (6 * MIB, 2, 0)
    assert filesystem.total == space.f_blocks * space.f_frsize
    assert filesystem.available is not None
    assert filesystem.available_least == filesystem.available - 6 * MIB
    assert storage.available_least == filesystem.available_least
    assert storage.by_guest() == {GUEST: (0, 6 * MIB)}  # "one" is shared: it counts once


def test_an_image_on_shared_storage_is_charged_to_no_total_of_this_host() -> None:
    disks = [Disk(GUEST, "/a"), Disk(GUEST, "/nfs/b"), Disk(b"h" * 16, "/nfs/c")]
    images = (
        Image(disks[0], "ok", "/", MIB, 2 * MIB),
        Image(disks[1], "ok", "/nfs", 5 * MIB, 9 * MIB),
        Image(disks[2], "hung", "/nfs"),
    )
    filesystems = (
        Filesystem("/", "ext4", total=10 * MIB, available=8 * MIB, growth=MIB),
        Filesystem("/nfs", "nfs4", shared=True, total=99 * MIB, unknown=1),
    )
    storage = Storage(filesystems, images)
    assert storage.by_guest() == {GUEST: (MIB, 2 * MIB)}
    assert (storage.total, storage.available_least) == (10 * MIB, 7 * MIB)


def test_block_device_takes_nothing_of_a_filesystem() -> None:
    image = Image(Disk(GUEST, "/dev/a"), "ok", "/", MIB, MIB, block_device=True)
    assert Storage((), (image,)).by_guest() == {}


def test_unknown_image_makes_the_least_unknown(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"no image")
    storage = Survey(folders=()).run([Disk(GUEST, str(tmp_path / "bad"), "qcow2")])
    assert storage.filesystems[0].unknown == 1
    assert storage.available_least is None


def test_least_is_never_below_nothing() -> None:
    full = Filesystem("/", total=10, available=4, growth=9)
    assert full.available_least == 0
    assert Filesystem("/", available=None).available_least is None


def test_shared_filesystem_is_flagged_and_not_in_the_totals() -> None:
    local = Filesystem("/", "ext4", total=10, available=8, growth=1)
    shared = Filesystem("/nfs", "nfs4", shared=True, total=99, available=90)
    storage = Storage((local, shared))
    assert (storage.total, storage.available_least) == (10, 7)
    assert Storage((shared,)).available_least is None


def test_folder_without_images_counts_towards_the_total(tmp_path: Path) -> None:
    storage = Survey(folders=(str(tmp_path),)).run([])
    assert storage.available_least == storage.filesystems[0].available


def test_a_filesystem_mounted_twice_counts_once(tmp_path: Path) -> None:
    """The mounts are told; the places are folders of one real filesystem, as bind mounts are."""
    places = [tmp_path / "first", tmp_path / "second"]
    for place in places:
        place.mkdir()
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "mounts").write_text("".join(f"/dev/x {place} ext4 rw 0 0\n" for place in places))
    disks = [Disk(GUEST, str(sparse(place / "disk", MIB)), "raw", None) for place in places]
    found = Survey(Roots(proc=proc), folders=()).run(disks)
    assert [(one.path, one.images) for one in found.filesystems] == [(str(places[0]), 2)]
    assert found.filesystems[0].growth == 2 * MIB


def test_link_belongs_to_the_filesystem_it_leads_to(tmp_path: Path) -> None:
    shm = Path("/dev/shm")
    if not os.path.ismount(shm):
        pytest.skip("/dev/shm is no filesystem of its own here")
    (tmp_path / "disk").symlink_to("/dev/shm/hostmon-test-none")
    storage = Survey(folders=()).run([Disk(GUEST, str(tmp_path / "disk"))])
    assert storage.images[0].filesystem == "/dev/shm"


def roots(tmp_path: Path) -> Roots:
    """A host with two filesystems, by the text of its mounts."""
    (tmp_path / "mounts").write_text(f"a / ext4 rw 0 0\nb {tmp_path}/dead nfs4 rw 0 0\n")
    (tmp_path / "dead").mkdir()
    return Roots(proc=tmp_path)


def test_filesystem_that_hangs_holds_up_nothing_else(tmp_path: Path) -> None:
    lives = threading.Event()
    asked: list[str] = []

    def look(disk: Disk, filesystem: str) -> Image:
        asked.append(disk.path)
        if "/dead/" in disk.path and not lives.wait(60):
            raise AssertionError
        return inspect(disk, filesystem)

    disks = [Disk(GUEST, f"{tmp_path}/dead/{i}") for i in range(3)]
    disks.append(Disk(GUEST, str(sparse(tmp_path / "fine", MIB))))
    survey = Survey(roots(tmp_path), (), patience_s=0.2, look=look)
    try:
        for _ in range(2):
            storage = survey.run(disks)
            states = {image.disk.path: image.state for image in storage.images}
            assert [states[disk.path] for disk in disks] == ["hung", "hung", "hung", "ok"]
            by_path = {one.path: one for one in storage.filesystems}
            assert by_path[f"{tmp_path}/dead"].unknown == 3
            assert by_path["/"].growth == MIB
        assert asked.count(disks[0].path) == 1, "a stuck filesystem is not asked again"
        stuck = [thread for thread in threading.enumerate() if "/dead" in thread.name]
        assert len(stuck) == 1
    finally:
        lives.set()
    stuck[0].join(10)
    states = {image.disk.path: image.state for image in survey.run(disks).images}
    assert states[disks[0].path] == "missing"


def test_filesystem_that_hangs_keeps_the_size_that_it_had(tmp_path: Path) -> None:
    """Its guests go on counting as used: less room than they take would be free else."""
    (tmp_path / "mounts").write_text(f"a / ext4 rw 0 0\nb {tmp_path}/dead ext4 rw 0 0\n")
    (tmp_path / "dead").mkdir()
    sparse(tmp_path / "dead/disk", MIB)
    (tmp_path / "link").symlink_to(f"{tmp_path}/dead/disk")
    hangs, lives = threading.Event(), threading.Event()

    def look(disk: Disk, filesystem: str) -> Image:
        if hangs.is_set() and not lives.wait(60):
            raise AssertionError
        return inspect(disk, filesystem)

    survey = Survey(Roots(proc=tmp_path), (), patience_s=0.2, look=look)
    for disk in (f"{tmp_path}/dead/disk", f"{tmp_path}/link"):
        disks = [Disk(GUEST, disk)]
        before = survey.run(disks)
        assert before.total > 0
        hangs.set()
        try:
            for _ in range(3):
                storage = survey.run(disks)
                assert (storage.total, storage.available_least) == (before.total, None)
        finally:
            lives.set()
        stuck = [thread for thread in threading.enumerate() if thread.name.startswith("survey ")]
        for thread in stuck:
            thread.join(10)
        assert survey.run(disks).available_least is not None
        hangs.clear()
        lives.clear()


def test_filesystem_whose_folder_alone_hangs_leaves_the_least_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = Survey(folders=(str(tmp_path),), patience_s=0.2)
    before = survey.run([])
    lives = threading.Event()

    def statvfs(_path: str) -> os.statvfs_result:
        assert lives.wait(60)
        raise OSError

    monkeypatch.setattr(os, "statvfs", statvfs)
    try:
        storage = survey.run([])
        assert (storage.total, storage.available_least) == (before.total, None)
    finally:
        lives.set()


def test_missing_disk_is_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    survey = Survey(folders=())
    disk = Disk(GUEST, str(tmp_path / "disk"))
    with caplog.at_level(logging.WARNING):
        survey.run([disk])
        survey.run([disk])
        assert len(caplog.records) == 1
        sparse(tmp_path / "disk", MIB)
        survey.run([disk])
        (tmp_path / "disk").unlink()
        survey.run([disk])
    assert len(caplog.records) == 2
    assert "disk is missing (No such file or directory): it is left out" in caplog.text


@pytest.mark.parametrize("state", ["unreadable", "hung"])
def test_of_an_unknown_disk_it_is_said_that_it_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    def look(disk: Disk, filesystem: str) -> Image:
        return Image(disk, state, filesystem, reason="r")

    with caplog.at_level(logging.WARNING):
        Survey(folders=(), look=look).run([Disk(GUEST, str(tmp_path / "disk"))])
    (said,) = [record.getMessage() for record in caplog.records]
    assert f"disk is {state} (r): its guest counts as when it was last known" in said
    assert "no claim for storage is granted" in said
    assert "left out" not in said


def test_disks_that_the_xml_declares() -> None:
    domain = Domain.parse(
        """<domain type='qemu'><name>g</name><devices>
        <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/i/a'/>
          <target dev='vda'/></disk>
        <disk type='file'><source file='/i/b'/><target dev='vdb'/></disk>
        <disk type='block' device='lun'><driver type='raw'/><source dev='/dev/c'/>
          <target dev='sda'/></disk>
        <disk type='file' device='cdrom'><source file='/i/cd'/><target dev='sdb'/></disk>
        <disk type='file' device='disk'><source file='/i/ro'/><target dev='vdc'/><readonly/></disk>
        <disk type='file' device='disk'><target dev='vdd'/></disk>
        <disk type='network'><source protocol='rbd' name='p/v'/><target dev='vde'/></disk>
        <disk type='volume'><source pool='p' volume='v'/><target dev='vdf'/></disk>
        </devices></domain>"""
    )
    assert disks_of(GUEST, domain) == [
        Disk(GUEST, "/i/a", "qcow2", target="vda"),
        Disk(GUEST, "/i/b", "raw", target="vdb"),
        Disk(GUEST, "/dev/c", "raw", target="sda"),
        Disk(GUEST, "v", "raw", target="vdf", pool="p"),
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 1 << 50), st.integers(0, 1 << 50), st.booleans()), max_size=20
    ),
    st.integers(0, 1 << 52),
)
def test_least_is_what_the_formula_says(disks: list[tuple[int, int, bool]], available: int) -> None:
    images = [
        Image(Disk(GUEST, str(i)), "ok", "/", allocated, virtual, block)
        for i, (allocated, virtual, block) in enumerate(disks)
    ]
    growth = sum(max(0, virtual - allocated) for allocated, virtual, block in disks if not block)
    assert sum(image.growth or 0 for image in images) == growth
    least = Filesystem("/", available=available, growth=growth).available_least
    assert least == max(0, available - growth)
