"""A guest's vCPUs, memory, disks and jobs on a real libvirtd, with their events."""

import contextlib
import os
import threading

import libvirt
import pytest

from hostmon.errors import (
    GuestStateError,
    LibvirtError,
)
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.xml.hypervisor import CommandLine
from tests.lab.guest.conftest import MIB, SCSI, Make, disk, image
from tests.lab.node import Node, wait_for
from tests.lab.recorder import Recorder


def test_vcpus(make: Make, events: Recorder) -> None:
    guest = make(vcpus=4)
    guest.set_vcpus(2)
    assert guest.vcpu_count(inactive=True) == 2
    assert guest.vcpu_count(inactive=True, maximum=True) == 4
    with pytest.raises(GuestStateError):
        guest.vcpus()
    guest.launch()
    events.wait(guest.name, "started booted")
    assert [one.number for one in guest.vcpus()] == [0, 1]
    assert guest.vcpu_count() == 2
    assert guest.vcpu_count(maximum=True) == 4
    wait_for(lambda: guest.vcpus()[0].time_ns > 0, "the first vCPU has run")
    assert {one.state for one in guest.vcpus()} <= {"running", "blocked", "offline"}
    guest.set_vcpus(3, config=False)
    assert len(guest.vcpus()) == 3
    assert guest.vcpu_count(inactive=True) == 2
    guest.pin_vcpu(0, [0])
    events.wait(guest.name, "tunable")
    assert guest.vcpu_pins()[0] == guest.vcpu_pins(inactive=True)[0] == (0,)
    assert guest.vcpus()[0].affinity == (0,)
    guest.pin_emulator([0])
    events.wait(guest.name, "tunable")
    assert guest.emulator_pin() == guest.emulator_pin(inactive=True) == (0,)
    with pytest.raises(LibvirtError, match="set vCPUs"):
        guest.set_vcpus(9)
    guest.set_max_vcpus(8)
    assert guest.vcpu_count(inactive=True, maximum=True) == 8


def test_memory(make: Make) -> None:
    guest = make()
    with pytest.raises(GuestStateError):
        guest.memory_stats()
    guest.set_max_memory(64 * MIB)
    guest.set_memory(48 * MIB)
    facts = guest.facts()
    assert (facts.memory_max, facts.memory) == (64 * MIB, 48 * MIB)
    guest.launch()
    stats = guest.memory_stats()
    assert stats.maximum == 64 * MIB
    assert stats.current is not None
    assert stats.rss is not None
    assert stats.rss > MIB
    assert stats.unused is None, "no driver in the guest tells it"
    guest.set_memory_stats_period(2)
    balloons = guest.domain(inactive=True).memballoons
    assert [one.stats_period for one in balloons] == [2]
    with pytest.raises(LibvirtError, match="set memory"):
        guest.set_memory(1 << 40)


def test_blocks(make: Make, module_node: Node, events: Recorder) -> None:
    path = image(module_node, module_node.name("blocks"), 4 * MIB)
    guest = make(SCSI + disk(path, "sda").to_xml())
    with pytest.raises(GuestStateError):
        guest.block_stats("sda")
    guest.launch()
    stats = guest.block_stats("sda")
    assert guest.block_stats("").read_requests is not None
    assert stats.errors is None or stats.errors >= 0
    assert None not in (stats.read_bytes, stats.write_ns, stats.flush_requests)
    assert guest.block_size("sda").capacity == 4 * MIB
    guest.block_resize("sda", 8 * MIB)
    assert guest.block_size("sda").capacity == 8 * MIB
    with pytest.raises(LibvirtError, match="block statistics"):
        guest.block_stats("sdz")
    assert guest.block_job("sda") is None
    with pytest.raises(LibvirtError, match="abort block job"):
        guest.abort_block_job("sda")


def test_block_jobs(make: Make, module_node: Node, events: Recorder) -> None:
    path = image(module_node, module_node.name("jobs"))
    guest = make(SCSI + disk(path, "sda").to_xml())
    guest.launch()

    def copy(name: str) -> None:
        target = image(module_node, module_node.name(name))
        xml = f"<disk type='file'><source file='{target}'/><driver type='raw'/></disk>"
        flags = (
            libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT | libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
        )
        guest._domain.blockCopy("sda", xml, {}, flags)
        events.wait(guest.name, "block-job")

    copy("copy1")
    job = guest.block_job("sda")
    assert job is not None
    assert (job.type, job.position, job.end) == ("copy", job.end, 4 * MIB)
    guest.abort_block_job("sda")
    events.wait(guest.name, "block-job")
    assert guest.block_job("sda") is None
    copy("copy2")
    guest.abort_block_job("sda", how="pivot")
    events.wait(guest.name, "block-job")
    source = guest.disks()["sda"].source
    assert source is not None
    assert "copy2" in str(source.file)


def with_full_memory(guest: Guest, node: Node) -> str:
    """The guest's XML with memory that is not all zeros, which a save would leave out."""
    (node.root / "lib" / "memory.bin").write_bytes(os.urandom(8 * MIB))
    arguments = ("-device", "loader,file=/var/lib/libvirt/memory.bin,addr=0x1000000,force-raw=on")
    domain = guest.domain(inactive=True)
    domain.qemu_commandline = CommandLine(args=list(arguments))
    return domain.to_xml()


def test_a_job_is_seen_and_aborted(
    make: Make, module_node: Node, host: Host, events: Recorder
) -> None:
    """A save into a FIFO that nobody reads lasts until it is aborted."""
    guest = host.define(with_full_memory(make(), module_node))
    guest.launch()
    assert guest.job() is None
    fifo = module_node.root / "lib" / "save.fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    failed: list[LibvirtError] = []

    def save() -> None:
        with Host(module_node.uri, read_write=True) as other:
            try:
                other.guest(guest.uuid).save("/var/lib/libvirt/save.fifo")
            except LibvirtError as error:
                failed.append(error)

    thread = threading.Thread(target=save)
    thread.start()
    job = wait_for(guest.job, "the save shows")
    assert job.operation == libvirt.VIR_DOMAIN_JOB_OPERATION_SAVE
    assert job.elapsed_ns is not None
    guest.abort_job()

    def drained() -> bool:
        with contextlib.suppress(BlockingIOError):
            os.read(reader, 1 << 20)
        return not thread.is_alive()

    wait_for(drained, "the save gives up")
    thread.join()
    os.close(reader)
    assert len(failed) == 1
    assert guest.is_active()
    assert guest.job() is None
    with pytest.raises(GuestStateError):
        guest.abort_job()
    guest.save()
    guest.launch()
    assert guest.job(completed=True) is None or guest.job(completed=True)
