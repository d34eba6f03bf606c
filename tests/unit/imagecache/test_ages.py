"""What the image cache keeps and removes in the course of time, and which contents it doubts.

Every test compares the whole directory with what must be left in it: one wrong removal, or one
file kept that must go, fails it.
"""

import hashlib
import logging
import os
from pathlib import Path

import msgspec
import pytest

from hostmon.errors import ImageError
from hostmon.images.cache import DAY_S, ImageCacheSettings
from tests.unit.imagecache.world import BASES, World


def ten_guests(world: World) -> None:
    """Ten guests on three of the five bases: directly, by a link, in three layers, relatively."""
    base = world.base
    for number in range(4):
        world.add(f"web{number}", (world.overlay(f"web{number}", base / "jammy"), "qcow2"))
    for number in range(3):
        middle = world.overlay(f"middle{number}", os.path.relpath(base / "bookworm", world.disks))
        top = world.overlay(f"db{number}", middle.name)
        world.add(f"db{number}", (top, "qcow2"))
    link = world.disks / "link"
    link.symlink_to(base / "alpine")
    world.add("linked", (world.overlay("linked", link), "qcow2"))
    data = world.overlay("data", base / "alpine")
    world.add("two-disks", (world.overlay("two", base / "jammy"), "qcow2"), (data, "qcow2"))
    raw = world.disks / "plain.raw"
    raw.write_bytes(bytes(4096))
    world.add("plain", (raw, "raw"))
    assert len(world.guests) == 10


def test_what_ten_guests_use_stays_and_the_rest_goes_after_its_age(world: World) -> None:
    ten_guests(world)
    report = world.after_days(1.5)
    assert world.left() == set(BASES), "nothing goes at the first look"
    states = {Path(image.path).name: image.state for image in report.images}
    assert states == dict.fromkeys(("jammy", "bookworm", "alpine"), "used") | dict.fromkeys(
        ("windows", "rocky"), "unused"
    )
    users = {Path(image.path).name: set(image.users) for image in report.images}
    assert users["jammy"] == {"web0", "web1", "web2", "web3", "two-disks"}
    assert users["bookworm"] == {"db0", "db1", "db2"}
    assert users["alpine"] == {"linked", "two-disks"}
    assert world.after_days(2.4).paths("removed") == ()
    report = world.after_days(2.6)
    assert world.left() == {"jammy", "bookworm", "alpine"}
    assert {Path(path).name for path in report.paths("removed")} == {"windows", "rocky"}
    assert report.freed > 0
    assert report.broken == ()
    assert report.reported == ()
    del world.guests["linked"], world.guests["two-disks"]
    world.after_days(3, 4.1)
    assert world.left() == {"jammy", "bookworm"}
    world.guests.clear()
    world.after_days(5, 6.1)
    assert world.left() == set()


def test_nothing_goes_unless_told_to(world: World) -> None:
    report = world.after_days(1.5, 9, remove=False)
    assert world.left() == set(BASES)
    assert len(report.paths("unused")) == len(BASES)
    assert all(image.age > 7 * DAY_S for image in report.images)


def test_an_age_starts_anew_when_a_file_is_used_again(world: World) -> None:
    world.after_days(1.5)
    world.add("late", (world.overlay("late", world.base / "rocky"), "qcow2"))
    world.after_days(2)
    del world.guests["late"]
    world.after_days(2.6, 3.5)
    assert world.left() == {"rocky"}
    world.after_days(3.7)
    assert world.left() == set()


def test_a_lost_or_broken_memory_only_makes_files_older(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.after_days(1.5)
    world.state.write_text("{ not json")
    world.after_days(2.6)
    assert world.left() == set(BASES)
    assert "all ages start anew" in caplog.text
    world.after_days(3.7)
    assert world.left() == set()


def test_a_clock_set_back_makes_nothing_older(world: World) -> None:
    world.after_days(8, 1.5, 2.4)
    assert world.left() == set(BASES)
    world.after_days(2.6)
    assert world.left() == set()


def test_what_changed_lately_is_not_old(world: World) -> None:
    world.after_days(1.5)
    changed = (world.base / "alpine").stat().st_mtime + 2 * DAY_S
    os.utime(world.base / "alpine", (changed, changed))
    world.after_days(2.6)
    assert world.left() == {"alpine"}
    world.after_days(3.1)
    assert world.left() == set()


def test_checksums_are_verified_and_wrong_ones_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for name in BASES:
        world.add(name, (world.overlay(name, world.base / name), "qcow2"))
    digest = hashlib.sha256((world.base / "jammy").read_bytes()).hexdigest()
    (world.base / "jammy.sha256").write_text(f"{digest}  jammy\n")
    (world.base / "rocky.sha256").write_text(f"{'0' * 64}  rocky\n")
    faults = {Path(one.path).name: one.fault for one in world.after_days(1.5).images if one.fault}
    assert faults == {"rocky": "checksum differs from rocky.sha256"}
    with (world.base / "alpine").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    world.now = 2 * DAY_S
    cache = world.cache(verify_every=3600.0)
    faults = {Path(one.path).name: one.fault for one in cache.manage().images if one.fault}
    assert faults == {
        "rocky": "checksum differs from rocky.sha256",
        "alpine": "content differs from when it was first seen",
    }
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert cache.manage().reported
    assert caplog.text == ""
    assert world.left() == {*BASES, "jammy.sha256", "rocky.sha256"}


def test_a_checksum_goes_with_its_image(world: World) -> None:
    (world.base / "jammy.sha256").write_text("0" * 64)
    world.after_days(1.5, 3)
    assert world.left() == set()


def test_a_directory_that_is_not_there_is_told(world: World) -> None:
    with pytest.raises(ImageError, match="give a directory of base images"):
        world.cache(directory="/no/such/directory").manage()


@pytest.mark.parametrize(
    "changes", [{"directory": "base"}, {"overlays": ("x",)}, {"min_age": 1}, {"state": "ages"}]
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="give"):
        ImageCacheSettings(**changes)  # type: ignore[arg-type]


def test_the_document_lists_every_setting() -> None:
    text = (Path(__file__).parents[3] / "docs/image-cache.md").read_text()
    for field in msgspec.structs.fields(ImageCacheSettings):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{field.name}` |"))
        shown = {False: "false", (): "()", "": '""'}.get(field.default) or f"{field.default}"
        assert row.split("|")[2].strip() == f"`{shown.removesuffix('.0')}`", row
