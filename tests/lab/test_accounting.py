"""The account of a real host, beside what virsh and the reference cloud's own helpers say of it.

docs/accounting.md explains every line in which they differ; each difference is asserted here. The
cloud's helpers are asked where Debian's python3-nova is installed, or where HOSTMON_NOVA names the
folder that holds the package.
"""

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import libvirt
import msgspec
import pytest

from hostmon.account import GuestClaim, HostAccount
from hostmon.audit import Auditor
from hostmon.capabilities import parse_topology
from hostmon.claims import claim_of
from hostmon.images.declared import disks_of
from hostmon.images.storage import Disk, Storage
from hostmon.images.survey import Survey
from hostmon.ledger import HostLedger
from hostmon.machine.files import HERE
from hostmon.machine.memory import Memory, read_memory
from hostmon.machine.nodeinfo import from_libvirt, read_nodeinfo
from hostmon.machine.sysfs import read_topology
from hostmon.xml.domain import Domain
from tests.lab.guests import guest_xml
from tests.lab.node import Node

MIB = 1 << 20
# Between two readings other processes allocate: figures that the whole machine moves may differ.
DRIFT_MIB = 512
NOVA = Path(os.environ.get("HOSTMON_NOVA", "/usr/lib/python3/dist-packages"))
PEER = Path(__file__).with_name("nova_peer.py")


class Found(msgspec.Struct):
    """One reading of the node by our own means."""

    folder: Path
    account: HostAccount
    memory: Memory
    storage: Storage
    claims: list[GuestClaim]


def disk(path: Path, declared: str, target: str) -> str:
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='{declared}'/>"
        f"<source file='{path}'/><target dev='{target}' bus='virtio'/></disk>"
    )


def populate(node: Node, folder: Path) -> None:
    """Two guests that run, one paused; two that do not, one of which has lost its disk."""
    folder.mkdir()
    create = ["qemu-img", "create", "-q", "-f"]
    subprocess.run([*create, "qcow2", folder / "a.qcow2", "1G"], check=True)
    subprocess.run([*create, "raw", folder / "a.raw", "64M"], check=True)
    subprocess.run(
        [*create, "qcow2", "-b", "a.base", "-F", "raw", "-u", folder / "c.qcow2", "512M"],
        check=True,
    )
    (folder / "a.base").write_bytes(b"x" * MIB)
    with (folder / "a.raw").open("r+b") as file:
        file.write(b"x" * MIB)
    a = disk(folder / "a.qcow2", "qcow2", "vda") + disk(folder / "a.raw", "raw", "vdb")
    c, d = disk(folder / "c.qcow2", "qcow2", "vda"), disk(folder / "gone.raw", "raw", "vda")
    connection = libvirt.open(node.uri)
    try:
        for suffix, memory, vcpus, devices in (
            ("a", 64, 2, a), ("b", 48, 3, ""), ("c", 96, 4, c), ("d", 32, 1, d),
        ):  # fmt: skip
            connection.defineXML(
                guest_xml(node, node.name(suffix), memory_mib=memory, vcpus=vcpus, devices=devices)
            )
        connection.lookupByName(node.name("a")).create()
        connection.lookupByName(node.name("b")).createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    finally:
        connection.close()


def parsed(domain: libvirt.virDomain, flags: int) -> Domain:
    return Domain.parse(domain.XMLDesc(flags))


def read(uri: str, folder: Path) -> Found:
    """The account of what a read-only connection lists."""
    connection = libvirt.openReadOnly(uri)
    claims: list[GuestClaim] = []
    disks: list[Disk] = []
    try:
        for domain in connection.listAllDomains():
            live = parsed(domain, 0) if domain.isActive() else None
            config = parsed(domain, libvirt.VIR_DOMAIN_XML_INACTIVE)
            claims.append(claim_of(domain.UUID(), live, config if domain.isPersistent() else None))
            disks += disks_of(domain.UUID(), live or config)
    finally:
        connection.close()
    topology = read_topology()
    ledger = HostLedger(topology)
    Auditor(ledger).compare(claims, 0)
    storage = Survey(folders=(str(folder),)).run(disks)
    memory = read_memory(HERE)
    assert memory is not None
    return Found(folder, ledger.account(memory, storage), memory, storage, claims)


@pytest.fixture(scope="module")
def populated(module_node: Node) -> Node:
    populate(module_node, module_node.root / "disks")
    return module_node


@pytest.fixture
def found(populated: Node) -> Found:
    return read(populated.uri_readonly, populated.root / "disks")


def test_account_equals_what_virsh_says(populated: Node, found: Found) -> None:
    vcpus = memory = 0
    for name in populated.virsh("list", "--name").split():
        lines = populated.virsh("dominfo", name).splitlines()
        pairs = {key: value for key, _, value in (line.partition(":") for line in lines)}
        vcpus += int(pairs["CPU(s)"])
        memory += int(pairs["Used memory"].split()[0]) << 10
    assert (found.account.vcpus.used, found.account.memory.used) == (vcpus, memory)
    assert (vcpus, memory) == (5, 112 * MIB)
    assert found.account.vcpus.allocated == 10
    assert found.account.memory.allocated == 240 * MIB
    assert (found.account.defined, found.account.active) == (4, 2)


def test_size_changes_that_libvirt_does_not_announce_are_found(populated: Node) -> None:
    name = populated.name("c")
    before = read(populated.uri_readonly, populated.root / "disks").account
    populated.virsh("setvcpus", name, "2", "--config")
    populated.virsh("setvcpus", name, "6", "--maximum", "--config")
    after = read(populated.uri_readonly, populated.root / "disks").account
    populated.virsh("setvcpus", name, "4", "--maximum", "--config")
    populated.virsh("setvcpus", name, "4", "--config")
    assert after.vcpus.allocated == before.vcpus.allocated + 2
    assert after.vcpus.used == before.vcpus.used


def test_the_kernel_and_libvirt_agree_on_the_host(populated: Node) -> None:
    connection = libvirt.openReadOnly(populated.uri_readonly)
    try:
        theirs = parse_topology(connection.getCapabilities())
        info = from_libvirt(connection.getInfo())
    finally:
        connection.close()
    ours = read_topology()
    assert [cell.cpus for cell in ours.cells] == [cell.cpus for cell in theirs.cells]
    assert [cell.distances for cell in ours.cells] == [cell.distances for cell in theirs.cells]
    # libvirt leaves out the pools of a host whose libnuma finds none.
    for mine, other in zip(ours.cells, theirs.cells, strict=True):
        told = {pages.size for pages in other.pages}
        assert {p.size: p.total for p in mine.pages[1:] if p.size in told} == {
            pages.size: pages.total for pages in other.pages[1:]
        }
    counted = read_nodeinfo()
    for name in ("model", "cpus", "nodes", "sockets", "cores", "threads"):
        assert getattr(counted, name) == getattr(info, name), name


def ask_nova(node: Node, folder: Path) -> dict[str, Any]:
    spec = importlib.util.find_spec("nova")
    if not (NOVA / "nova").is_dir() and spec is None:
        pytest.skip("nova is not installed: apt install python3-nova, or set HOSTMON_NOVA")
    libraries = NOVA.parents[1] / f"{os.uname().machine}-linux-gnu"
    result = subprocess.run(
        ["/usr/bin/python3", str(PEER), node.uri_readonly, str(folder)],
        env={**os.environ, "PYTHONPATH": str(NOVA), "LD_LIBRARY_PATH": str(libraries)},
        cwd=folder, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return answer


def test_account_equals_what_the_reference_cloud_says(populated: Node) -> None:
    folder = populated.root / "disks"
    theirs = ask_nova(populated, folder)
    found = read(populated.uri_readonly, folder)
    account, memory = found.account, found.memory
    table = {
        "vcpus": (account.vcpus.total, theirs["vcpus"]),
        "vcpus used": (account.vcpus.used, theirs["vcpus_used"]),
        "memory of guests, MiB": (account.memory.used // MIB, theirs["guests_memory_mb"]),
        "disk over-committed": (
            sum(one.growth for one in found.storage.filesystems),
            theirs["disk_over_committed"],
        ),
        "disk total, GiB": (account.disk.total / (1 << 30), theirs["disk_total_gb"]),
    }
    for what, (mine, other) in table.items():
        assert mine == other, what
    # Total memory: theirs is libvirt's figure, ours the kernel's (docs/accounting.md).
    connection = libvirt.openReadOnly(populated.uri_readonly)
    try:
        total = from_libvirt(connection.getInfo()).memory // MIB
    finally:
        connection.close()
    assert theirs["memory_mb"] == pytest.approx(total, abs=DRIFT_MIB)
    assert account.memory.total == memory.total
    # Used memory: theirs mixes both sources, and takes free + buffers + cached for available.
    available = (memory.free + memory.buffers + memory.cached) // MIB
    assert theirs["memory_mb_used"] == pytest.approx(total - available, abs=DRIFT_MIB)
    assert account.memory_in_use == memory.total - memory.available
    # Free disk: the same call, a moment later.
    (filesystem,) = found.storage.filesystems
    assert filesystem.available is not None
    assert filesystem.available / MIB == pytest.approx(theirs["disk_free_gb"] * 1024, abs=DRIFT_MIB)
