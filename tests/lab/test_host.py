"""Host on a real libvirtd: its numbers against the kernel's, its look-ups, its end."""

import os
import queue
import threading
import uuid
from collections.abc import Iterator

import libvirt
import pytest

from hostmon.errors import NotConnectedError, ObjectNotFoundError, ReadOnlyError
from hostmon.host import Host
from hostmon.machine.files import HERE
from hostmon.machine.memory import read_meminfo
from hostmon.machine.sysfs import read_online
from hostmon.xml.build.guest import guest_config
from hostmon.xml.build.requests import GuestRequest
from hostmon.xml.secret import Secret
from tests.lab import guests
from tests.lab.node import Node, wait_for


@pytest.fixture
def host(module_node: Node) -> Iterator[Host]:
    with Host(module_node.uri, read_write=True) as connected:
        yield connected


@pytest.fixture
def watching(module_node: Node) -> Iterator[Host]:
    with Host(module_node.uri_readonly) as connected:
        yield connected


def test_the_machine_is_the_kernels(watching: Host) -> None:
    online = tuple(read_online(HERE))
    assert watching.vcpus_total() == len(online)
    assert watching.online_cpus() == online == watching.topology().online
    assert watching.memory_total() == read_meminfo(HERE.proc / "meminfo")["MemTotal"]
    assert 0 < watching.memory_used() < watching.memory_total()
    assert watching.hypervisor_type == "QEMU"
    assert watching.has_min_version((7, 0, 0), (2, 0, 0), "QEMU")
    cpu = watching.cpu_info()
    assert cpu.arch == os.uname().machine
    assert cpu.model
    assert cpu.features
    assert len(watching.cells_free_memory()) == len(watching.topology().cells)
    assert watching.cpu_times()["idle"] > 0
    assert watching.test()


def test_pages_tell_how_many_are_free(watching: Host) -> None:
    for cell in watching.topology().cells:
        for pages in cell.pages:
            if pages.size == os.sysconf("SC_PAGE_SIZE"):
                assert pages.free is not None
                assert 0 < pages.free <= pages.total
    sizes = {pages.size for pages in watching.hugepages()[0]}
    kernel = {
        int(path.name.removeprefix("hugepages-").removesuffix("kB")) << 10
        for path in HERE.hugepages.iterdir()
    }
    assert sizes == kernel


def test_guests_take_what_they_were_given(module_node: Node, watching: Host) -> None:
    vcpus = watching.vcpus_used()
    names = guests.define_and_start(module_node, 2, paused=True)
    assert watching.vcpus_used() == vcpus + 4
    assert {guest.name for guest in watching.list_guests(only_running=True)} >= set(names)


def test_capabilities_answer_the_builders(module_node: Node, host: Host, watching: Host) -> None:
    found = host.domain_capabilities(virt_type=module_node.accelerator)
    assert found.domain == module_node.accelerator
    with pytest.raises(ReadOnlyError):
        watching.domain_capabilities()
    request = GuestRequest(
        name="built", memory=64 << 20, virt_type=module_node.accelerator, machine="q35"
    )
    assert guest_config(request, host).memory is not None
    assert "qemu64" in watching.cpu_models("x86_64")


def test_secrets(host: Host) -> None:
    secret = Secret(ephemeral=False, private=False, usage_type="ceph", usage_name="lab secret")
    kept = host.define_secret(secret, b"hush")
    number = uuid.UUID(kept.uuid)
    assert host.find_secret("ceph", "lab secret") == kept == host.secret(number)
    assert [one.uuid for one in host.secrets()] == [kept.uuid]
    assert host.connection.secretLookupByUUID(number.bytes).value() == b"hush"
    host.delete_secret(number)
    assert host.find_secret("ceph", "lab secret") is None
    with pytest.raises(ObjectNotFoundError):
        host.delete_secret(number)


def test_networks_filters_and_pools(host: Host) -> None:
    connection = host.connection
    connection.networkDefineXML("<network><name>lab</name><bridge name='virbr9'/></network>")
    assert [one.name for one in host.networks()] == ["lab"]
    assert host.network_bridge("lab") == "virbr9"
    assert host.network("lab").name == "lab"
    connection.nwfilterDefineXML("<filter name='lab-filter' chain='root'/>")
    (listed,) = [one for one in host.nwfilters() if one.name == "lab-filter"]
    assert host.nwfilter("lab-filter") == host.nwfilter(listed.uuid)
    with pytest.raises(ObjectNotFoundError) as caught:
        host.nwfilter("none")
    assert caught.value.code == libvirt.VIR_ERR_NO_NWFILTER
    assert host.nwfilter_bindings() == ()
    assert host.pools() == ()
    with pytest.raises(ObjectNotFoundError):
        host.pool_space("none")
    with pytest.raises(ObjectNotFoundError):
        host.volume_at("/none")


def test_a_lost_connection_is_told_to_all_who_wait(node: Node) -> None:
    reasons: queue.SimpleQueue[str] = queue.SimpleQueue()
    host = Host(node.uri, read_write=True, on_close=reasons.put)
    host.connect()
    guest = host.define(guests.guest_xml(node, node.name("lost")))
    guest.launch()
    waited: list[BaseException] = []

    def shut_down() -> None:
        try:
            guest.shutdown(60)
        except NotConnectedError as error:
            waited.append(error)

    waiter = threading.Thread(target=shut_down)
    waiter.start()
    wait_for(lambda: host.signals._watches, "somebody waits")
    node.kill_libvirtd()
    assert reasons.get(timeout=20) in {"end of file", "error"}
    waiter.join(20)
    assert len(waited) == 1
    assert not host.test()
    with pytest.raises(NotConnectedError):
        guest.launch()
    node.start_libvirtd()
    host.connect()
    assert host.guest(guest.uuid).is_active(), "the guest never noticed"
    host.close()
