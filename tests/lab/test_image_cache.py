"""The image cache over ten real guests: whatever it removes, every one of them must start again."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.images.cache import DAY_S, ImageCache, ImageCacheSettings
from hostmon.images.report import CacheReport
from tests.agent_process import AgentProcess, wait_for
from tests.lab import guests
from tests.lab.node import Node

USED, UNUSED = ("jammy", "bookworm", "alpine", "iso"), ("windows", "rocky")


def qemu_img(*arguments: object) -> None:
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def disk_xml(path: Path, target: str = "vda", device: str = "disk") -> str:
    format_, bus = ("raw", "ide") if device == "cdrom" else ("qcow2", "virtio")
    return (
        f"<disk type='file' device='{device}'><driver name='qemu' type='{format_}'/>"
        f"<source file='{path}'/><target dev='{target}' bus='{bus}'/></disk>"
    )


class Cloud:
    """A node with a directory of bases, and ten guests with overlays on some of them."""

    def __init__(self, node: Node, host: Host) -> None:
        self.node, self.host = node, host
        self.base, self.disks = node.root / "images/base", node.root / "images/disks"
        self.base.mkdir(parents=True)
        self.disks.mkdir()
        for folder in (self.base.parent, self.base, self.disks):
            folder.chmod(0o777)
        for name in ("jammy", "bookworm", "alpine", *UNUSED):
            qemu_img("create", "-q", "-f", "qcow2", self.base / name, "1M")
        (self.base / "iso").write_bytes(bytes(1 << 20))
        self.days = 0.0
        self.names: list[str] = []

    def overlay(self, name: str, below: Path) -> Path:
        path = self.disks / name
        qemu_img("create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2", path)
        return path

    def guest(self, *devices: str) -> Guest:
        name = self.node.name(f"cloud{len(self.names)}")
        xml = guests.guest_xml(self.node, name, vcpus=1, devices="".join(devices), idle=True)
        self.names.append(name)
        return self.host.define(xml)

    def look(self, days: float) -> CacheReport:
        """By a read-only connection, as the agent's."""
        settings = ImageCacheSettings(
            directory=str(self.base), remove=True, state=str(self.node.root / "ages.json")
        )
        newest = max(path.stat().st_ctime for path in self.base.iterdir())
        with Host(self.node.uri_readonly) as host:
            cache = ImageCache(settings, host.image_references, clock=lambda: newest + days * DAY_S)
            return cache.manage()

    def left(self) -> set[str]:
        names = {path.name for path in self.base.iterdir()}
        print("base images left:", " ".join(sorted(names)))
        return names


@pytest.fixture
def cloud(node: Node) -> Iterator[Cloud]:
    with Host(node.uri, read_write=True) as host:
        made = Cloud(node, host)
        for number in range(5):
            made.guest(disk_xml(made.overlay(f"web{number}", made.base / "jammy")))
        for number in range(3):
            middle = made.overlay(f"middle{number}", made.base / "bookworm")
            made.guest(disk_xml(made.overlay(f"db{number}", middle)))
        made.guest(disk_xml(made.base / "iso", "hda", "cdrom"))
        moved = made.guest(disk_xml(made.overlay("first", made.base / "alpine")))
        guests.start(node, [name for name in made.names if name != made.names[5]])
        # A snapshot of the running guest: what is below its disk is known from the disk alone.
        made.node.virsh(
            "snapshot-create-as", moved.name, "s", "--disk-only", "--no-metadata", "--diskspec",
            f"vda,file={made.disks / 'second'}",
        )  # fmt: skip
        yield made


def test_ten_guests_start_again_whatever_was_removed(cloud: Cloud) -> None:
    assert len(cloud.names) == 10
    report = cloud.look(1.5)
    assert cloud.left() == {*USED, *UNUSED}
    assert {Path(path).name for path in report.paths("used")} == set(USED)
    assert {Path(path).name for path in report.paths("unused")} == set(UNUSED)
    users = {Path(image.path).name: len(image.users) for image in report.images}
    assert users == {"jammy": 5, "bookworm": 3, "alpine": 1, "iso": 1, "windows": 0, "rocky": 0}
    report = cloud.look(3)
    assert {Path(path).name for path in report.paths("removed")} == set(UNUSED)
    assert cloud.left() == set(USED)
    assert report.reported == ()
    for name in cloud.names:
        guest = cloud.host.guest_by_name(name)
        if guest.is_active():
            guest.power_off()
    guests.start(cloud.node, cloud.names)


def test_broken_chains_keep_everything_until_they_are_mended(cloud: Cloud) -> None:
    cloud.look(1.5)
    hidden = (cloud.disks / "middle0").rename(cloud.disks / "hidden")  # of a guest that is off
    report = cloud.look(3)
    assert cloud.left() == {*USED, *UNUSED}
    assert [(one.guest, one.state) for one in report.broken] == [(cloud.names[5], "missing")]
    hidden.rename(cloud.disks / "middle0")
    cloud.host.guest_by_name(cloud.names[9]).power_off()
    cloud.host.guest_by_name(cloud.names[9]).undefine()
    cloud.look(4)
    report = cloud.look(5.1)
    assert cloud.left() == {"jammy", "bookworm", "iso"}
    cloud.host.guest_by_name(cloud.names[5]).launch()


def test_the_agent_looks_after_it(cloud: Cloud, tmp_path: Path) -> None:
    """Whatever wrote this file looked at all of them; the report is in the log."""
    (cloud.disks / "middle0").unlink()
    state = cloud.node.root / "agent-ages.json"
    config = (
        f"[virt.libvirt.image_cache]\ndirectory = '{cloud.base}'\nremove = true\n"
        f"state = '{state}'\n"
    )
    arguments = ("--uri", cloud.node.uri_readonly)
    with closing(AgentProcess(tmp_path, *arguments, config=config)) as agent:
        wait_for(state.exists, 30)
        remembered = msgspec.json.decode(state.read_bytes())["files"]
        assert set(remembered) == {*USED, *UNUSED}
        wait_for(lambda: "nothing is removed" in agent.log.read_text())
        agent.wait_until_ready()
        metrics = agent.metrics()
        assert metrics['hostmon_image_cache_files{state="used"}'] == len(USED)
        assert metrics['hostmon_image_cache_files{state="unused"}'] == 0, "none is proved unused"
        assert metrics["hostmon_image_cache_reported"] == 2
        assert metrics["hostmon_image_cache_looks_total"] == 1
        assert metrics["hostmon_image_cache_failures_total"] == 0
        assert metrics["hostmon_image_cache_removed_total"] == 0
        assert agent.ask("status")["image_cache"]["directory"] == str(cloud.base)
    assert f"{cloud.names[5]}: chain of" in agent.log.read_text()
    assert cloud.left() == {*USED, *UNUSED}
