"""What the last proof before a removal keeps.

Every test compares the whole directory with what must be left in it: one wrong removal, or one
file kept that must go, fails it.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from hostmon.errors import ImageError
from hostmon.images.cache import DAY_S, ImageCache
from hostmon.machine.files import Roots
from tests.unit.imagecache.world import BASES, World


def test_a_guest_that_comes_between_proof_and_removal_keeps_its_base(world: World) -> None:
    world.after_days(1.5)

    def arrives() -> None:
        world.add("late", (world.overlay("late", world.base / "rocky"), "qcow2"))

    world.between = [lambda: None, arrives]
    report = world.after_days(3)
    assert world.left() == {"rocky"}
    assert report.paths("used") == (str(world.base / "rocky"),)


def test_a_file_that_anybody_has_open_stays(world: World) -> None:
    world.after_days(1.5)
    with (world.base / "jammy").open("rb"):
        child = subprocess.Popen(["sleep", "60"], stdin=os.open(world.base / "rocky", os.O_RDONLY))
        try:
            report = world.after_days(3)
            assert world.left() == {"jammy", "rocky"}
            assert all("another process has it open" in line for line in report.reported)
        finally:
            child.kill()
            child.wait()
    world.after_days(3)


def test_hard_links_links_folders_and_pipes_stay(world: World) -> None:
    os.link(world.base / "jammy", world.disks / "same")
    (world.base / "folder").mkdir()
    (world.base / "pointer").symlink_to(world.base / "rocky")
    os.mkfifo(world.base / "pipe")
    world.after_days(1.5, 3)
    assert world.left() == {"jammy", "folder", "pointer", "pipe"}


def test_a_file_on_storage_that_others_share_stays(world: World, tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "mounts").write_text(f"server:/x {tmp_path} nfs4 rw 0 0\n")
    world.after_days(1.5)
    world.now = 3 * DAY_S
    roots = Roots.under(tmp_path / "sys", proc)
    cache = ImageCache(world.settings, world.references, clock=world.clock, roots=roots)
    report = cache.manage()
    assert world.left() == set(BASES)
    assert "other hosts may use it" in report.reported[0]


def test_no_right_to_ask_is_no_right_to_remove() -> None:
    """As a user who may unlink every file of the directory, and owns none."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        world = World(Path(folder))
        world.after_days(1.5)
        for path in (world.base, world.state.parent, world.state):
            path.chmod(0o777)
        os.seteuid(65534)
        try:
            report = world.after_days(3)
        finally:
            os.seteuid(0)
        assert world.left() == set(BASES)
    assert len(report.reported) == len(BASES)
    assert all("not permitted" in line for line in report.reported)


def test_a_look_that_cannot_list_guests_ends(world: World) -> None:
    def fails() -> None:
        raise ImageError("no list")

    world.after_days(1.5)
    world.between = [fails]
    with pytest.raises(ImageError, match="no list"):
        world.after_days(3)
    assert world.left() == set(BASES)
