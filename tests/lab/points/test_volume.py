"""Each type of volume that this machine can do, plugged into a real guest and out again."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hostmon.driver.points import VOLUME
from hostmon.errors import LibvirtError, RequestRefusedError
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.points import BlockVolume, FileVolume, NetworkVolume, StorageServer, Volume, opened
from tests.lab.node import Node, wait_for

pytestmark = pytest.mark.timeout(300)
MIB = 1 << 20
MARK = b"a volume of the lab"
Monitor = Callable[[str], str]


def image(node: Node, name: str, *, format_: str = "raw") -> Path:
    """An image in the node with a mark at its beginning; its path on this machine."""
    path = node.root / "lib" / name
    path.write_bytes(MARK.ljust(4 * MIB, b"\0"))
    if format_ != "raw":
        raw = path.rename(path.with_suffix(".tmp"))
        subprocess.run(["qemu-img", "convert", "-O", format_, raw, path], check=True)
    path.chmod(0o666)
    return path


@contextmanager
def loop_device(path: Path) -> Iterator[str]:
    """The image as a block device."""
    made = subprocess.run(
        ["losetup", "--find", "--show", path], check=True, capture_output=True, text=True
    )
    device = made.stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def plug_and_unplug(
    driver: str, volume: Volume, host: Host, guest: Guest, monitor: Monitor, expected: str
) -> None:
    """Plugged, read by the guest, unplugged; libvirt and QEMU agree at each step."""
    with opened(VOLUME, driver, host) as volumes:
        shown = volumes.plug(guest, volume)
        assert shown.target_dev == volume.target
        assert set(guest.disks()) == set(guest.disks(inactive=True)) == {"vda", volume.target}
        assert expected in monitor("info block")
        wait_for(
            lambda: (guest.block_stats(volume.target).read_requests or 0) > 0, "the guest reads it"
        )
        with pytest.raises(LibvirtError, match=volume.target):
            volumes.plug(guest, volume)
        plugged = guest.disks()[volume.target].to_xml()
        print(f"{driver}: plugged as {' '.join(plugged.split())}", end="; ")
        volumes.unplug(guest, volume)
    print("unplugged")
    assert set(guest.disks()) == set(guest.disks(inactive=True)) == {"vda"}
    assert expected not in monitor("info block")


@pytest.mark.parametrize("format_", ["raw", "qcow2"])
def test_file(format_: str, module_node: Node, host: Host, guest: Guest, monitor: Monitor) -> None:
    image(module_node, f"volume.{format_}", format_=format_)
    path = f"/var/lib/libvirt/volume.{format_}"
    volume = FileVolume(target="vdb", path=path, format=format_, serial="lab1")
    plug_and_unplug("file", volume, host, guest, monitor, path)


def test_block(module_node: Node, host: Host, guest: Guest, monitor: Monitor) -> None:
    path = image(module_node, "looped.raw")
    try:
        with loop_device(path) as device:
            volume = BlockVolume(target="vdb", path=device, cache="none", io="native")
            plug_and_unplug("block", volume, host, guest, monitor, device)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop device here: {error.stderr}")
    assert path.read_bytes().startswith(MARK)


def test_a_file_is_no_block_device(module_node: Node, host: Host, guest: Guest) -> None:
    path = image(module_node, "no-device.raw")
    with opened(VOLUME, "block", host) as volumes:
        with pytest.raises(RequestRefusedError, match="is no block device; give one"):
            volumes.plug(guest, BlockVolume(target="vdb", path=str(path)))
        with pytest.raises(RequestRefusedError, match="give a block device that is there"):
            volumes.plug(guest, BlockVolume(target="vdb", path="/dev/no-such-device"))
    assert set(guest.disks()) == {"vda"}


@pytest.mark.parametrize("transport", ["tcp", "unix"])
def test_nbd(transport: str, module_node: Node, host: Host, guest: Guest, monitor: Monitor) -> None:
    image(module_node, "exported.raw")
    socket = module_node.root / "run/libvirt/nbd.sock"
    listen = ("-k", "/run/libvirt/nbd.sock") if transport == "unix" else ("-b", "127.0.0.1")
    server = module_node.popen(
        "qemu-nbd", "-f", "raw", "-x", "vol7", "--persistent", *listen,
        "/var/lib/libvirt/exported.raw",
    )  # fmt: skip
    try:
        if transport == "unix":
            wait_for(socket.exists, "qemu-nbd listens")
            socket.chmod(0o777)
            servers = (StorageServer(socket="/run/libvirt/nbd.sock"),)
        else:
            wait_for(lambda: ":10809" in module_node.run("ss", "-ltn").stdout, "qemu-nbd listens")
            servers = (StorageServer("127.0.0.1", 10809),)
        volume = NetworkVolume(target="vdb", protocol="nbd", name="vol7", servers=servers)
        plug_and_unplug("network", volume, host, guest, monitor, "vol7")
    finally:
        server.kill()
        server.wait(10)
