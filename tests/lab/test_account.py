"""The running agent's account on a real host: beside virsh, current to the event, and healed."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import libvirt
import pytest

from hostmon.client import Endpoint, Subscriber
from hostmon.events import Event, LifecycleEvent, StoppedEvent
from tests.agent_process import hostmon, wait_for
from tests.lab.guests import define, guest_xml, start
from tests.lab.node import Node
from tests.lab.test_accounting import ask_nova

MIB = 1 << 20
PORT, AUDITED_PORT = 9177, 9178
CONFIG = """
[agent]
reboot_window = 0.5
[connection]
refresh = {refresh}
[account]
audit = {audit}
vcpu_ratio = 2.0
image_folders = ["/var/lib/libvirt/images"]
[sampling]
kernel = 0.5
[virt.libvirt.cadences]
block = 1.0
balloon = 1.0
{cadences}
[drivers.prometheus]
listen = "127.0.0.1:{port}"
"""
EVENTS_ALONE = {"refresh": 1.0, "audit": 86400, "port": PORT}
AUDITS_ALONE = {"refresh": 3600.0, "audit": 1, "port": AUDITED_PORT}


ROOT = str(Path(__file__).resolve().parents[2])
FETCH = (
    "import sys, urllib.request as u; "
    "print(u.urlopen(f'http://127.0.0.1:{sys.argv[1]}/metrics').read().decode())"
)


class InsideAgent:
    """``hostmon run`` inside a node, where it sees the guests' processes; sockets reach outside.

    ``cadences`` are lines of that section beside those of block and balloon.
    """

    def __init__(
        self, node: Node, directory: Path, settings: dict[str, float], cadences: str = ""
    ) -> None:
        self.events = f"ipc://{directory}/events.sock"
        self.requests = f"ipc://{directory}/requests.sock"
        self._node = node
        self._port = settings["port"]
        self._log = (directory / "agent.log").open("wb")
        path = directory / "hostmon.toml"
        path.write_text(
            f'[bus]\nevents = ["{self.events}"]\nrequests = "{self.requests}"\n'
            + CONFIG.format(cadences=cadences, **settings)
        )
        self._process = node.popen(
            "env", f"--chdir={ROOT}", sys.executable, "-m", "hostmon", "run", "--config", str(path),
            "--uri", "qemu:///system", stdout=self._log, stderr=self._log,
        )  # fmt: skip
        wait_for((directory / "requests.sock").exists)

    def ask(self, command: str) -> Any:
        result = hostmon(command, "--json", "--requests", self.requests)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def metrics(self) -> dict[str, float]:
        """One scrape: value by series."""
        text = self._node.run(sys.executable, "-c", FETCH, str(self._port)).stdout
        rows = (line.rpartition(" ") for line in text.splitlines() if line[:1] not in ("#", ""))
        return {series: float(value) for series, _, value in rows}

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._log.close()


class Beside:
    """An agent, and virsh on the same host."""

    def __init__(self, node: Node, running: InsideAgent) -> None:
        self.node = node
        self.running = running

    def account(self) -> dict[str, Any]:
        found: dict[str, Any] = self.running.ask("status")["account"]
        return found

    def of_virsh(self) -> tuple[int, int]:
        """vCPUs and memory of running guests, as `virsh dominfo` gives them."""
        vcpus = memory = 0
        for name in self.node.virsh("list", "--name").split():
            lines = self.node.virsh("dominfo", name).splitlines()
            pairs = {key: value for key, _, value in (line.partition(":") for line in lines)}
            vcpus += int(pairs["CPU(s)"])
            memory += int(pairs["Used memory"].split()[0]) << 10
        return vcpus, memory

    def defined_of_virsh(self) -> tuple[int, int, int]:
        """All guests, their vCPUs and the bytes their disks may take, as virsh gives them."""
        names = self.node.virsh("list", "--all", "--name").split()
        vcpus = disks = 0
        for name in names:
            vcpus += int(self.node.virsh("vcpucount", name, "--maximum", "--config"))
            rows = self.node.virsh("domblkinfo", name, "--all").splitlines()[2:]
            disks += sum(int(row.split()[1]) for row in rows if row.strip())
        return len(names), vcpus, disks

    def used(self) -> tuple[int, int]:
        account = self.account()
        return account["vcpus"]["used"], account["memory"]["used"]

    def audits_agree(self) -> None:
        """Wait for an audit, of which there is one a second, that finds nothing to heal."""

        def agreed() -> bool:
            found = self.running.metrics()
            return not any(v for k, v in found.items() if "audit_disagreement{" in k)

        wait_for(agreed)

    def reckoned(self) -> dict[str, Any]:
        """The part of the account that events and definitions keep, and audits heal."""
        account = self.account()
        parts = {
            resource: {part: account[resource][part] for part in ("used", "held", "allocated")}
            for resource in ("vcpus", "memory")
        }
        cells = {cell["id"]: (cell["memory_used"], cell["vcpus"]) for cell in account["cells"]}
        counts = {part: account[part] for part in ("defined", "active", "held")}
        return parts | counts | {"cells": cells}

    def is_what_audits_leave(self, audited: "Beside") -> None:
        """Wait until the account is that of an agent whose audits find nothing to heal."""
        audited.audits_agree()
        wait_for(lambda: self.reckoned() == audited.reckoned())

    def healed(self) -> dict[str, int]:
        """How often audits found what wrong."""
        found: dict[str, int] = self.running.ask("status")["healed"]
        return found

    def agree(self) -> None:
        expected = self.of_virsh()
        wait_for(lambda: self.used() == expected)


@pytest.fixture(scope="module")
def beside(module_node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """Four guests, two of them running, one with a disk; an agent whose audits come too late."""
    folder = module_node.root / "lib/images"
    folder.mkdir(exist_ok=True)
    module_node.run("qemu-img", "create", "-q", "-f", "qcow2", "/var/lib/libvirt/images/a", "64M")
    (folder / "a").chmod(0o666)
    device = (
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
        "<source file='/var/lib/libvirt/images/a'/><target dev='vda' bus='virtio'/></disk>"
    )
    names = define(module_node, 4, idle=True)
    start(module_node, names[:2])
    connection = libvirt.open(module_node.uri)
    connection.defineXML(guest_xml(module_node, module_node.name("disk"), devices=device))
    connection.close()
    with closing(
        InsideAgent(module_node, tmp_path_factory.mktemp("agent"), EVENTS_ALONE)
    ) as running:
        wait_for(lambda: running.ask("status")["audited_at"] > 0)
        yield Beside(module_node, running)


@pytest.fixture(scope="module")
def audited(
    module_node: Node, beside: Beside, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Beside]:
    """Another agent there, which audits every second and follows no definition otherwise."""
    with closing(
        InsideAgent(module_node, tmp_path_factory.mktemp("audited"), AUDITS_ALONE)
    ) as running:
        wait_for(lambda: running.ask("status")["audited_at"] > 0)
        yield Beside(module_node, running)


def test_totals_and_used_are_what_virsh_says(beside: Beside, audited: Beside) -> None:
    beside.agree()
    account = beside.account()
    info = dict(
        line.split(":", 1) for line in beside.node.virsh("nodeinfo").splitlines() if ":" in line
    )
    assert account["vcpus"]["total"] == int(info["CPU(s)"])
    guests, vcpus, disks = beside.defined_of_virsh()
    active = len(beside.node.virsh("list", "--name").split())
    assert (account["defined"], account["active"]) == (guests, active)
    assert account["vcpus"]["allocated"] == vcpus
    assert account["vcpus"]["allocation_ratio"] == 2.0
    total = Path("/proc/meminfo").read_text().split()[1]
    assert account["memory"]["total"] == int(total) << 10
    # Images are looked at by audits alone.
    wait_for(lambda: audited.account()["disk"]["allocated"] == disks)
    assert disks >= 64 * MIB
    account = audited.account()
    space = os.statvfs(beside.node.root / "lib/images")
    assert account["disk"]["total"] == space.f_blocks * space.f_frsize
    assert 0 < account["disk_available_least"] < space.f_bavail * space.f_frsize
    beside.is_what_audits_leave(audited)
    assert set(beside.healed().values()) == {0}, "its one audit, at the start, found nothing wrong"


def test_the_started_event_says_what_is_taken_and_the_settled_stop_what_is_free(
    beside: Beside,
) -> None:
    node, name = beside.node, beside.node.name("0002")
    endpoint = Endpoint(beside.running.events, beside.running.requests)
    with Subscriber(endpoint, view=True) as subscriber:
        view = subscriber.views[0]
        end = time.monotonic() + 60

        def until(kind: type[Event], *names: str) -> Event:
            while time.monotonic() < end:
                found = subscriber.receive(1)
                if not isinstance(found, kind) or getattr(found, "name", "") != name:
                    continue
                if not names or getattr(found, "event", "") in names:
                    return found
            raise AssertionError(f"no {kind} {names}")

        while not view.joined:
            assert time.monotonic() < end
            subscriber.receive(0.2)
        assert view.account is not None
        before = view.account.vcpus.used
        node.virsh("start", name)
        # QEMU starts paused, and libvirt tells that it goes on before it tells of the start.
        started = until(LifecycleEvent, "started", "resumed")
        assert started.sums is not None
        assert started.sums.vcpus_used == view.account.vcpus.used == before + 2
        node.virsh("destroy", name)
        stopped = until(LifecycleEvent, "stopped")
        assert stopped.sums is not None
        assert (stopped.sums.vcpus_used, stopped.sums.vcpus_held) == (before + 2, 2)
        settled = until(StoppedEvent)
        assert settled.sums is not None
        assert (settled.sums.vcpus_used, settled.sums.vcpus_held) == (before, 0)
        assert view.account.vcpus.used == before
    beside.agree()


def test_what_libvirt_does_not_announce_is_found(beside: Beside, audited: Beside) -> None:
    node, name, off = beside.node, beside.node.name("hot"), beside.node.name("0003")
    hot = guest_xml(node, name).replace("<vcpu>2</vcpu>", "<vcpu current='2'>4</vcpu>")
    connection = libvirt.open(node.uri)
    connection.defineXML(hot).create()
    connection.close()
    beside.agree()
    node.virsh("setvcpus", name, "3", "--live")
    assert beside.of_virsh()[0] == 2 * 2 + 3
    beside.agree()
    node.virsh("setmem", name, "24M", "--live")
    beside.agree()
    allocated = beside.account()["vcpus"]["allocated"]
    most = int(node.virsh("vcpucount", off, "--maximum", "--config"))
    node.virsh("setvcpus", off, str(most + 5), "--maximum", "--config")
    wait_for(lambda: beside.account()["vcpus"]["allocated"] == allocated + 5)
    node.virsh("destroy", name)
    node.virsh("undefine", name)
    beside.agree()
    beside.is_what_audits_leave(audited)


def test_a_guest_that_stops_has_the_sizes_of_its_disks_at_once(beside: Beside) -> None:
    """By the agent's one survey: the next one is a day off."""
    node, name = beside.node, beside.node.name("disk")
    state = f'libvirt_domain_state{{domain="{name}",state="%s"}}'
    series = f'libvirt_domain_block_stats_capacity_bytes{{domain="{name}",target_device="vda"}}'
    node.virsh("start", name)
    wait_for(lambda: beside.running.metrics()[state % "running"] == 1)
    node.virsh("destroy", name)

    def shown() -> bool:
        page = beside.running.metrics()
        return page[state % "shutoff"] == 1 and page.get(series) == 64 * MIB

    wait_for(shown)
    beside.agree()


def test_a_new_disk_is_read_as_its_event_comes(beside: Beside) -> None:
    node, name = beside.node, beside.node.name("0000")
    image = node.root / "run/hot.img"
    image.touch()
    os.truncate(image, MIB)
    image.chmod(0o666)
    node.virsh("attach-disk", name, "/run/hot.img", "vdb", "--live")
    series = f'libvirt_domain_block_stats_capacity_bytes{{domain="{name}",target_device="vdb"}}'
    wait_for(lambda: beside.running.metrics().get(series) == MIB)


def test_idle_guests_are_not_asked_again(beside: Beside) -> None:
    """Two guests that halt: once settled, block and balloon are confirmed by the kernel alone."""
    node, name = beside.node, beside.node.name("0001")
    age = f'hostmon_guest_sample_age_seconds{{domain="{name}",group="balloon"}}'
    first = wait_for(lambda: beside.running.ask("status")["reading"]["confirmed"])
    wait_for(lambda: beside.running.ask("status")["reading"]["confirmed"] >= first + 4)
    assert beside.running.metrics()[age] < 5
    cpu = Path(f"/proc/{node.qemu_pid(name)}/schedstat")
    before = int(cpu.read_text().split()[0])  # of QEMU's main thread, which answers the monitor
    since = beside.running.ask("status")["reading"]["confirmed"]
    wait_for(lambda: beside.running.ask("status")["reading"]["confirmed"] >= since + 6)
    assert int(cpu.read_text().split()[0]) - before < 20_000_000


def test_a_disk_that_hangs_harms_nobody(audited: Beside) -> None:
    """An inactive guest whose image is a FIFO: whoever opens it waits for ever."""
    node = audited.node
    os.mkfifo(node.root / "lib/images/fifo")
    device = (
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
        "<source file='/var/lib/libvirt/images/fifo'/><target dev='vda' bus='virtio'/></disk>"
    )
    connection = libvirt.open(node.uri)
    connection.defineXML(guest_xml(node, node.name("fifo"), devices=device))
    connection.close()
    last = audited.running.ask("status")["audited_at"]
    wait_for(lambda: audited.running.ask("status")["audited_at"] > last + 2)
    status = audited.running.ask("status")
    # Nobody opened it: what it may take is unknown, and not 0.
    assert status["account"]["disk_available_least"] is None
    assert (status["reading"]["late"], status["reading"]["stuck"]) == (0, 0)
    assert node.virsh("list", "--all", "--name")
    node.virsh("undefine", node.name("fifo"))
    wait_for(lambda: audited.account()["disk_available_least"] is not None)


def test_a_disagreement_is_healed_and_told(audited: Beside) -> None:
    """What libvirt does not announce, to an agent that compares no definition meanwhile."""
    audited.audits_agree()
    name = audited.node.name("0003")
    before, allocated = audited.healed(), audited.account()["vcpus"]["allocated"]
    most = int(audited.node.virsh("vcpucount", name, "--maximum", "--config"))
    audited.node.virsh("setvcpus", name, str(most + 3), "--maximum", "--config")
    wait_for(lambda: audited.account()["vcpus"]["allocated"] == allocated + 3)
    found = {field for field, count in audited.healed().items() if count != before[field]}
    assert found == {"defined_vcpus"}
    page = audited.running.metrics()
    assert page['hostmon_host_audit_healed_total{resource="defined_vcpus"}'] >= 1
    assert page["hostmon_host_audit_timestamp_seconds"] == pytest.approx(time.time(), abs=30)
    audited.audits_agree()


def test_status_equals_what_the_reference_cloud_says(audited: Beside) -> None:
    theirs = ask_nova(audited.node, audited.node.root / "lib/images")
    audited.agree()
    account = audited.account()
    table = {
        "vcpus": (account["vcpus"]["total"], theirs["vcpus"]),
        "vcpus used": (account["vcpus"]["used"], theirs["vcpus_used"]),
        "memory of guests, MiB": (account["memory"]["used"] // MIB, theirs["guests_memory_mb"]),
        "disk total, GiB": (account["disk"]["total"] / (1 << 30), theirs["disk_total_gb"]),
    }
    print(json.dumps(table))
    for what, (mine, other) in table.items():
        assert mine == other, what
