"""The inventory driver: what schedulers are told, when, and what a late one is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from hostmon.account import HostAccount, Resource
from hostmon.driver.capabilities import Capabilities
from hostmon.machine.traits import TRAITS, traits_of
from hostmon.supervisor.worker import filter_of
from hostmon.typed import convert
from hostmon_drivers.inventory import Inventory, InventorySettings, ResourceClass, decode
from hostmon_drivers.inventory.resources import resources_of
from tests.agent_process import AgentProcess, wait_for

MIB, GIB = 1 << 20, 1 << 30


def account(**changes: object) -> HostAccount:
    parts = {
        "vcpus": Resource(8, 1, 4.0, used=3),
        "memory": Resource(4 * GIB + 5, MIB + 1, 1.5, used=MIB + 1),
        "disk": Resource(0),
    }
    return HostAccount(**(parts | changes), defined=0, active=0, held=0, changes=7)  # type: ignore[arg-type]


def test_classes_are_in_their_units_and_nothing_is_offered_that_is_not_there() -> None:
    assert resources_of(account()) == (
        ResourceClass(name="VCPU", total=8, reserved=1, max_unit=8, allocation_ratio=4.0, used=3),
        ResourceClass(
            name="MEMORY_MB", total=4096, reserved=2, max_unit=4096, allocation_ratio=1.5, used=2
        ),
    )
    disk = resources_of(account(disk=Resource(10 * GIB, 1, used=1)))[2]
    assert (disk.name, disk.total, disk.reserved, disk.used) == ("DISK_GB", 10, 1, 1)


def test_traits_are_those_that_every_processor_has(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "processor : 0\nflags : fpu vmx avx2 sse4_2 pni\n\nprocessor : 1\nflags : vmx sse4_2 pni\n"
    )
    assert traits_of(cpuinfo) == (
        "HW_CPU_X86_INTEL_VMX",
        "HW_CPU_X86_SSE3",
        "HW_CPU_X86_SSE42",
        "HW_CPU_X86_VMX",
    )
    cpuinfo.write_text("processor : 0\nFeatures : fp asimd\n")
    assert traits_of(cpuinfo) == ()
    assert all(name == name.lower() for name in TRAITS)


@pytest.mark.parametrize("publish", ["here", "tcp://x", "ipc://relative"])
def test_a_wrong_address_is_told(publish: str) -> None:
    with pytest.raises(Exception, match=f"publish = '{publish}'"):
        convert({"publish": publish}, InventorySettings, "drivers.inventory")


def test_topics_become_the_smallest_subscription() -> None:
    everything = filter_of(frozenset())
    assert filter_of(frozenset({"heartbeat", *everything.kinds})).prefixes() == []
    assert filter_of(frozenset({"heartbeat", "stopped"})).prefixes() == [b"settled/stopped/"]
    assert filter_of(frozenset(Capabilities().kinds)) == everything


@contextmanager
def subscribed(address: str) -> Iterator[zmq.Socket[bytes]]:
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.linger = 0
        socket.rcvtimeo = 10_000
        socket.subscribe(b"inventory/")
        socket.connect(address)
        yield socket


def used(inventory: Inventory) -> dict[str, int]:
    return {one.name: one.used for one in inventory.resources}


CONFIG = """[agent]
virt = "fake"
drivers = ["prometheus", "inventory"]
[drivers.inventory]
publish = "ipc://{folder}/inventory"
isolation = "{isolation}"
traits = ["CUSTOM_FAST"]
[account]
reserved_vcpus = 2
[virt.fake]
host_vcpus = 16
steps = [
    {{do = "define", guest = "a", vcpus = 3, after = 3.0}},
    {{do = "start", guest = "a"}},
    {{do = "define", guest = "b", vcpus = 2}},
    {{do = "start", guest = "b", after = 1.0}},
]
"""


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_each_change_is_published_and_the_latest_awaits_who_comes_late(
    tmp_path: Path, isolation: str
) -> None:
    agent = AgentProcess(tmp_path, config=CONFIG.format(folder=tmp_path, isolation=isolation))
    address = f"ipc://{tmp_path}/inventory"
    try:
        agent.wait_until_ready()
        with subscribed(address) as socket:
            first = latest = decode(socket.recv())
            seen = [used(latest)]
            while used(latest).get("VCPU") != 5:
                previous, latest = latest, decode(socket.recv())
                assert latest.generation == previous.generation + 1
                seen.append(used(latest))
        assert [one["VCPU"] for one in seen if one][-2:] == [3, 5]
        vcpus = latest.resources[0]
        assert (vcpus.total, vcpus.reserved, vcpus.max_unit) == (16, 2, 16)
        assert "CUSTOM_FAST" in latest.traits
        assert first.epoch == latest.epoch
        with subscribed(address) as late:
            assert decode(late.recv()) == latest
        wait_for(lambda: agent.ask("status")["drivers"][1]["state"] == "running")
    finally:
        agent.close()
