"""A guest's life on a real libvirtd, with the events each call causes; no operating system."""

import os
import signal
import threading

import libvirt
import pytest

from hostmon.errors import (
    GuestNotFoundError,
    GuestStateError,
    GuestTimeoutError,
    HostmonError,
    LibvirtError,
    ReadOnlyError,
)
from hostmon.host import Host
from tests.lab import guests
from tests.lab.guest.conftest import URI, Make
from tests.lab.node import Node, wait_for
from tests.lab.recorder import Recorder


def test_a_life(make: Make, host: Host, events: Recorder) -> None:
    guest = make()
    events.wait(guest.name, "defined added")
    assert str(guest.state()) == "shutoff (unknown)"
    guest.launch(paused=True)
    events.wait(guest.name, "started booted", "suspended paused")
    assert str(guest.state()) == "paused (user)"
    guest.resume()
    events.wait(guest.name, "resumed unpaused")
    assert guest.is_active()
    assert guest.id > 0
    assert host.guest_by_id(guest.id).uuid == guest.uuid
    guest.suspend()
    events.wait(guest.name, "suspended paused")
    assert guest.facts().state == libvirt.VIR_DOMAIN_PAUSED
    guest.resume()
    guest.reset()
    events.wait(guest.name, "resumed unpaused", "reboot")
    with pytest.raises(GuestStateError, match="launch"):
        guest.launch()
    guest.power_off()
    events.wait(guest.name, "stopped destroyed")
    with pytest.raises(GuestStateError, match="power off"):
        guest.power_off(graceful=True)
    guest.undefine(nvram="drop", snapshots=True, checkpoints=True)
    events.wait(guest.name, "undefined removed")
    with pytest.raises(GuestNotFoundError):
        guest.state()


def test_without_a_system_requests_time_out(make: Make, events: Recorder) -> None:
    guest = make()
    with pytest.raises(GuestStateError):
        guest.shutdown(1)
    guest.launch()
    with pytest.raises(GuestTimeoutError, match="power it off"):
        guest.shutdown(0.5, again_every=0.2, mode="acpi")
    with pytest.raises(GuestTimeoutError, match="reset it"):
        guest.reboot(0.2)
    with pytest.raises(HostmonError) as caught:
        guest.shutdown(0.5, mode="agent")
    assert isinstance(caught.value, LibvirtError)
    assert caught.value.code == libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED
    assert guest.is_active()


def test_transient(module_node: Node, host: Host, events: Recorder) -> None:
    name = module_node.name("transient")
    guest = host.create(guests.guest_xml(module_node, name), paused=True)
    events.wait(name, "started booted")
    assert not guest.is_persistent()
    with pytest.raises(GuestStateError):
        guest.set_autostart(on=True)
    guest.power_off()
    events.wait(name, "stopped destroyed")
    with pytest.raises(GuestNotFoundError):
        guest.facts()


def test_save_and_come_back(make: Make, host: Host, module_node: Node, events: Recorder) -> None:
    guest = make()
    guest.launch()
    events.wait(guest.name, "started booted")
    guest.save()
    events.wait(guest.name, "suspended paused", "job-completed", "stopped saved")
    assert guest.has_saved()
    with pytest.raises(LibvirtError, match="managed save"):
        guest.undefine()
    guest.launch()
    events.wait(guest.name, "started restored")
    assert not guest.has_saved()
    guest.save(paused=True)
    guest.drop_saved()
    assert not guest.has_saved()
    guest.launch(force_boot=True)
    events.wait(guest.name, "started booted")
    path = f"/var/lib/libvirt/{guest.name}.save"
    guest.save(path, paused=True)
    events.wait(guest.name, "stopped saved")
    host.restore(path)
    events.wait(guest.name, "started restored")
    assert guest.state().name == "paused"
    with pytest.raises(GuestStateError):
        host.restore(path)


def test_definition(make: Make, host: Host, events: Recorder) -> None:
    guest = make()
    guest.set_autostart(on=True)
    assert guest.facts().autostart
    guest.set_autostart(on=False)
    assert not guest.facts().autostart
    old = guest.name
    guest.rename(f"{old}-new")
    events.wait(f"{old}-new", "defined renamed")
    assert host.guest(guest.uuid).name == f"{old}-new"
    guest.rename(old)
    assert guest.name == old


def test_metadata_tells_of_itself(make: Make, events: Recorder) -> None:
    guest = make()
    guest.launch(paused=True)
    assert guest.metadata(URI) is guest.title() is guest.description() is None
    guest.set_metadata(URI, "inv", "<room>12</room>")
    events.wait(guest.name, "metadata-change")
    assert guest.metadata(URI) == guest.metadata(URI, inactive=True) == "<room>12</room>"
    guest.set_title("web", config=False)
    guest.set_description("front", live=False)
    events.wait(guest.name, "metadata-change")
    assert guest.title() == "web"
    assert guest.description() is None
    assert guest.domain(inactive=True).description == "front"
    guest.set_metadata(URI, "inv", None)
    assert guest.metadata(URI) is None


def test_xml(make: Make, host: Host, module_node: Node) -> None:
    password = "<graphics type='vnc' passwd='hush'/>"
    guest = make(password)
    guest.launch(paused=True)
    assert "hush" not in guest.xml()
    assert "passwd='hush'" in guest.xml(secure=True)
    assert guest.domain().id == guest.id
    assert guest.domain(inactive=True).id is None
    assert "<alias" not in guest.xml(migratable=True)
    with Host(module_node.uri_readonly) as watching:
        seen = watching.guest(guest.uuid)
        assert seen.xml() == guest.xml()
        with pytest.raises(ReadOnlyError):
            seen.xml(secure=True)


def test_a_stuck_guest_is_told_apart(make: Make, module_node: Node) -> None:
    guest = make()
    with pytest.raises(GuestStateError):
        guest.stuck_for_ms()
    guest.launch()
    assert guest.stuck_for_ms() is None
    pid = module_node.qemu_pid(guest.name)
    os.kill(pid, signal.SIGSTOP)
    try:
        asking = threading.Thread(target=guest.block_stats, args=("",))
        asking.start()
        wait_for(lambda: (guest.stuck_for_ms() or 0) > 20, "libvirt waits for QEMU")
        assert guest.state().name == "running"
        assert guest.facts().vcpus == 2
    finally:
        os.kill(pid, signal.SIGCONT)
    asking.join()
