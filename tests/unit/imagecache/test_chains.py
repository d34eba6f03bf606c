"""Which files real qcow2 chains use, broken ones too; in doubt every file stays.

Every test compares the whole directory with what must be left in it: one wrong removal, or one
file kept that must go, fails it.
"""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from hostmon.images.cache import DAY_S, ImageCache
from hostmon.images.qemuimg import QemuImg
from hostmon.xml.domain import Domain
from tests.unit.imagecache.world import BASES, World, create, guest_xml, qemu_img


def loop(world: World) -> None:
    """rocky -> windows -> rocky."""
    qemu_img("rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "windows", world.base / "rocky")
    qemu_img("rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "rocky", world.base / "windows")


def test_a_loop_is_reported_and_kept_and_others_go(world: World) -> None:
    top = world.overlay("looped", world.base / "rocky")
    loop(world)
    world.add("looped", (top, "qcow2"))
    report = world.after_days(1.5, 3)
    assert world.left() == {"rocky", "windows"}, "all of a loop is known, so others are proved"
    (broken,) = report.broken
    assert (broken.guest, broken.state) == ("looped", "loop")
    assert "is below itself" in report.reported[0]


def test_a_chain_that_misses_a_file_is_reported_and_nothing_goes_until_it_is_mended(
    world: World,
) -> None:
    """What was below the missing file nobody can know: it may have been any base."""
    middle = world.overlay("middle", world.base / "jammy")
    world.add("torn", (world.overlay("torn", middle.name), "qcow2"))
    away = middle.rename(world.disks / "away")
    report = world.after_days(1.5, 3)
    assert world.left() == set(BASES)
    (broken,) = report.broken
    assert (broken.guest, broken.state) == ("torn", "missing")
    assert {image.state for image in report.images} == {"unproved"}
    assert "nothing is removed: torn's" in report.reported[-1]
    away.rename(middle)
    world.after_days(4, 5.1)
    assert world.left() == {"jammy"}


def test_a_raw_disk_that_is_not_there_hides_nothing(world: World) -> None:
    world.add("diskless", (world.disks / "none.raw", "raw"))
    world.add(
        "no-base", (world.overlay("no-base", "none.raw", format_="raw", unsafe=True), "qcow2")
    )
    report = world.after_days(1.5, 3)
    assert world.left() == set()
    assert {broken.state for broken in report.broken} == {"missing"}


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no qcow2 image")


def cut(path: Path) -> None:
    os.truncate(path, 50)


def forbid(path: Path) -> None:
    path.unlink()
    path.mkdir()


def talk(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("harm", [garbage, cut, forbid, talk])
def test_a_chain_that_cannot_be_read_is_reported_and_nothing_goes(
    world: World, harm: Callable[[Path], None]
) -> None:
    top = world.overlay("harmed", world.base / "jammy")
    harm(top)
    world.add("harmed", (top, "qcow2"))
    report = world.after_days(1.5, 3)
    assert world.left() == set(BASES)
    assert [(one.guest, one.state) for one in report.broken] == [("harmed", "unreadable")]


def test_a_layer_of_an_unknown_sort_proves_nothing(world: World) -> None:
    world.add("vmware", (world.disks / "x.vmdk", "vmdk"))
    (world.disks / "x.vmdk").write_bytes(b"KDMV")
    assert world.after_days(1.5, 3).paths("removed") == ()
    assert world.left() == set(BASES)


def test_a_network_layer_is_never_called(world: World) -> None:
    """A guest's owner writes the header: nobody connects to where it points."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        nbd = f"nbd://127.0.0.1:{port}/x"
        world.add("far", (world.overlay("far", nbd, format_="raw", unsafe=True), "qcow2"))
        report = world.after_days(1.5, 3)
        with pytest.raises(TimeoutError):
            server.accept()
    assert report.broken == ()
    assert world.left() == set(), "raw bytes from elsewhere use no file here"
    create(world.base / "again")
    world.add("far", (world.overlay("far2", nbd, format_="qcow2", unsafe=True), "qcow2"))
    world.after_days(1.5, 3)
    assert world.left() == {"again"}, "an image there may have a file here below it"


def test_names_as_qemu_writes_them_are_followed(world: World) -> None:
    nested = {"driver": "qcow2", "file": {"driver": "file", "filename": str(world.base / "jammy")}}
    flat = {"driver": "qcow2", "file.driver": "file", "file.filename": str(world.base / "rocky")}
    for name, below in (
        ("nested", f"json:{json.dumps(nested)}"),
        ("flat", f"json:{json.dumps(flat)}"),
        ("prefix", f"file:{world.base / 'alpine'}"),
    ):
        world.add(name, (world.overlay(name, below), "qcow2"))
    world.after_days(1.5, 3)
    assert world.left() == {"jammy", "rocky", "alpine"}


def test_a_data_file_is_of_its_image(world: World) -> None:
    beside = world.base / "clusters.raw"
    options = f"data_file={beside},data_file_raw=on"
    path = world.disks / "split.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-o", options, path, "1M")
    world.add("split", (path, "qcow2"))
    world.after_days(1.5, 3)
    assert world.left() == {"clusters.raw"}


def test_a_raw_disk_is_not_taken_for_the_overlay_that_its_guest_wrote_into_it(world: World) -> None:
    written = world.disks / "written.raw"
    written.write_bytes(create(world.disks / "evil", world.base / "jammy").read_bytes())
    world.add("evil", (written, "raw"))
    world.after_days(1.5, 3)
    assert world.left() == set()


@pytest.mark.parametrize(
    "extra",
    [
        "<disk type='file' device='cdrom'><source file='{}'/><target dev='sda'/><readonly/></disk>",
        (
            "<disk type='file'><source file='/nowhere'/><target dev='vdz'/>"
            "<backingStore type='file'><source file='{}'/></backingStore></disk>"
        ),
        "<filesystem type='file'><source file='{}'/><target dir='x'/></filesystem>",
    ],
)
def test_whatever_names_a_file_uses_it(world: World, extra: str) -> None:
    world.guests["odd"] = guest_xml("odd", extra=extra.format(world.base / "jammy"))
    world.after_days(1.5, 3)
    assert world.left() == {"jammy"}


def test_a_path_within_qemus_own_arguments_counts(world: World) -> None:
    xml = guest_xml("args").to_xml().replace("<domain>", (
        "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:commandline>"
        f"<qemu:arg value='if=none,file={world.base / 'jammy'},format=qcow2'/></qemu:commandline>"
    ))  # fmt: skip
    world.guests["args"] = Domain.parse(xml)
    world.after_days(1.5, 3)
    assert world.left() == {"jammy"}


def test_a_pool_volume_whose_place_nobody_knows_proves_nothing(world: World) -> None:
    extra = "<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>"
    world.guests["pooled"] = guest_xml("pooled", extra=extra)
    report = world.after_days(1.5, 3)
    assert world.left() == set(BASES)
    assert "disk vda, of type volume" in report.doubt


def test_a_directory_that_a_guest_writes_into_is_no_cache(world: World) -> None:
    world.add("writes", (world.base / "jammy", "qcow2"))
    report = world.after_days(1.5, 3)
    assert world.left() == set(BASES)
    assert "move it" in report.doubt


def test_overlays_of_no_guest_count_where_told_to_look(world: World) -> None:
    world.overlay("shelved", world.base / "jammy")
    folder = str(world.disks)
    world.after_days(1.5, 3, overlays=(folder, str(world.base.parent)))
    assert world.left() == {"jammy"}
    report = world.after_days(4, 5.5, overlays=("/no/such/folder",))
    assert world.left() == {"jammy"}
    assert "can't be listed" in report.doubt


def test_a_qemu_img_that_hangs_or_lies_proves_nothing(world: World, tmp_path: Path) -> None:
    world.add("web", (world.overlay("web", world.base / "jammy"), "qcow2"))
    for number, (script, text) in enumerate(
        (
            ("exec sleep 60", "gave no answer in 0.3 s"),
            ("echo '['", "no JSON"),
            ("echo broken >&2; exit 3", "broken"),
        )
    ):
        program = tmp_path / f"qemu-img{number}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        world.now = 3 * DAY_S
        judge = QemuImg(str(program), deadline_s=0.3)
        cache = ImageCache(world.settings, world.references, clock=world.clock, judge=judge)
        report = cache.manage()
        assert text in report.broken[0].reason
        assert report.paths("used") == (str(world.base / "jammy"),)
        assert world.left() == set(BASES)
    missing = QemuImg(str(tmp_path / "none"))
    cache = ImageCache(world.settings, world.references, clock=world.clock, judge=missing)
    assert "install qemu-utils" in cache.manage().broken[0].reason
