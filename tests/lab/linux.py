"""Guests with an operating system: Debian's cloud kernel and busybox, booted by TCG in seconds.

They answer an orderly shutdown, the balloon and unplugging, and work on a schedule: per second of
time ``cpu`` tenths of a core, and ``disk`` writes of 64 KiB to the first disk. A KVM that emulates
instructions does not run a Linux kernel, so these guests never use it. The kernel's check of its
timer is left out: on a busy machine TCG fails it, and the guest panics.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import libvirt

from tests.lab.cpio import archive
from tests.lab.kept import cache
from tests.lab.node import Node, wait_for

PACKAGE = "linux-image-cloud-amd64"
MODULES = (
    "virtio/virtio_ring.ko", "virtio/virtio.ko", "virtio/virtio_pci_legacy_dev.ko",
    "virtio/virtio_pci_modern_dev.ko", "virtio/virtio_pci.ko", "virtio/virtio_balloon.ko",
    "block/virtio_blk.ko", "input/evdev.ko", "acpi/button.ko",
)  # fmt: skip
INIT = """\
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /etc/acpi/PWRF
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for module in MODULES; do insmod /modules/$module; done
printf '#!/bin/sh\\npoweroff -f\\n' > /etc/acpi/PWRF/00000080
chmod 755 /etc/acpi/PWRF/00000080
acpid -l /dev/null
for word in $(cat /proc/cmdline); do
    case $word in cpu=*|disk=*) eval $word ;; esac
done
echo lab guest ready
while :; do
    if [ ${disk:-0} -gt 0 ]; then
        dd if=/dev/zero of=/dev/vda bs=64k count=$disk conv=fsync 2>/dev/null
    fi
    if [ ${cpu:-0} -gt 0 ]; then
        timeout 0.$cpu sh -c 'while :; do :; done'
    fi
    sleep 1
done
"""


@dataclass(frozen=True)
class System:
    """What the guests boot: paths on the machine."""

    kernel: Path
    initrd: Path


def kernel_tree() -> Path:
    """The unpacked kernel package, downloaded once; RuntimeError where apt has none."""
    tree = cache() / "cloud-kernel"
    if tree.exists():
        return tree
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        shown = subprocess.run(
            ["apt-cache", "depends", PACKAGE], capture_output=True, text=True
        ).stdout
        names = [line.split()[-1] for line in shown.splitlines() if "Depends: linux-image" in line]
        if not names:
            raise RuntimeError(f"apt knows no {PACKAGE}: run apt-get update, on Debian amd64")
        fetched = subprocess.run(
            ["apt-get", "download", "-q", names[0]], cwd=folder, capture_output=True, text=True
        )
        if fetched.returncode:
            raise RuntimeError(f"apt-get download {names[0]}: {fetched.stderr.strip()}")
        (package,) = Path(folder).glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package, f"{folder}/tree"], check=True)
        (Path(folder) / "tree").rename(tree)
    return tree


def system() -> System:
    """Kernel and initramfs, built where they are not there; RuntimeError naming what is missing."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise RuntimeError("busybox not found: run ./deploy/bootstrap tests")
    tree = kernel_tree()
    (kernel,) = tree.glob("boot/vmlinuz-*")
    (drivers,) = tree.glob("lib/modules/*/kernel/drivers")
    init = INIT.replace("MODULES", " ".join(Path(module).name for module in MODULES))
    files = {"init": init.encode(), "bin/busybox": Path(busybox).read_bytes()}
    for module in MODULES:
        files[f"modules/{Path(module).name}"] = (drivers / module).read_bytes()
    return System(kernel, _kept(archive(files)))


def _kept(data: bytes) -> Path:
    path = cache() / "initrd"
    if not path.exists() or path.read_bytes() != data:
        new = path.with_name(f"initrd.{os.getpid()}")
        new.write_bytes(data)
        new.replace(path)
    return path


def linux_xml(node: Node, name: str, *, cpu: int = 0, disk: int = 0, memory_mib: int = 128) -> str:
    """The XML of a guest whose kernel, initramfs and disk are in the node."""
    return f"""\
<domain type='qemu'>
  <name>{escape(name)}</name>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu>1</vcpu>
  <os>
    <type>hvm</type>
    <kernel>/var/lib/libvirt/boot/kernel</kernel>
    <initrd>/var/lib/libvirt/boot/initrd</initrd>
    <cmdline>console=ttyS0 quiet panic=1 no_timer_check cpu={cpu} disk={disk}</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <controller type='usb' model='none'/>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='/var/lib/libvirt/boot/{escape(name)}.img'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <serial type='file'><source path='/var/log/libvirt/{escape(name)}.console'/></serial>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


def boot(node: Node, suffix: str, *, cpu: int = 0, disk: int = 0, deadline_s: float = 90) -> str:
    """Start a guest and wait until its system is up; returns its name.

    It spends ``cpu`` tenths of a core and writes ``disk`` times 64 KiB about every second.
    """
    name, made, folder = node.name(suffix), system(), node.root / "lib/boot"
    folder.mkdir(exist_ok=True)
    for target, source in (("kernel", made.kernel), ("initrd", made.initrd)):
        if not (folder / target).exists():
            shutil.copy(source, folder / target)
            (folder / target).chmod(0o644)
    image = folder / f"{name}.img"
    image.touch()
    os.truncate(image, 16 << 20)
    connection = libvirt.open(node.uri)
    try:
        connection.defineXML(linux_xml(node, name, cpu=cpu, disk=disk)).create()
    finally:
        connection.close()
    console = node.root / f"log/{name}.console"
    wait_for(
        lambda: console.exists() and "lab guest ready" in console.read_text(errors="replace"),
        f"{name} boots", deadline_s,
    )  # fmt: skip
    return name
