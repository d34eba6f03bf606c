"""Opening, testing and closing; what a read-only connection may not do; errors with their code."""

import uuid

import libvirt
import pytest

from hostmon.errors import (
    GuestNotFoundError,
    GuestStateError,
    LibvirtError,
    NotConnectedError,
    ObjectNotFoundError,
    ReadOnlyError,
    UnsupportedError,
)
from hostmon.host import Host
from hostmon.host.connection import version_tuple
from tests.unit.conftest import MakeHost, guest_xml


def test_connect_test_close() -> None:
    host = Host("test:///default")
    assert not host.connected
    assert not host.test()
    with pytest.raises(NotConnectedError, match="connect first"):
        host.list_guests()
    with host:
        assert host.connected
        assert host.test()
        assert host.hypervisor_type == "TEST"
    assert not host.connected
    host.close()


def test_nothing_answers() -> None:
    with pytest.raises(NotConnectedError) as caught:
        Host("qemu+unix:///system?socket=/nonexistent/sock").connect()
    assert caught.value.code != 0
    assert "/nonexistent/sock" in str(caught.value)


def test_min_version() -> None:
    with Host("test:///default") as host:
        libvirt_version = version_tuple(libvirt.getVersion())
        major, minor, release = libvirt_version
        hypervisor = host.hypervisor_version
        assert host.has_min_version()
        assert host.has_min_version(libvirt_version, hypervisor, "TEST")
        assert not host.has_min_version((major, minor, release + 1))
        assert not host.has_min_version(hypervisor_version=(*hypervisor[:2], hypervisor[2] + 1))
        assert not host.has_min_version(hypervisor_type="QEMU")


def test_read_only_is_the_default_and_cannot_act(make_host: MakeHost) -> None:
    with Host("test:///default") as host:
        assert not host.read_write
        guest = host.guest_by_name("test")
        for act in (guest.suspend, guest.power_off, guest.undefine):
            with pytest.raises(ReadOnlyError, match="test: ") as caught:
                act()
            assert caught.value.code == libvirt.VIR_ERR_OPERATION_DENIED
        with pytest.raises(ReadOnlyError):
            host.define(guest_xml("another"))
        with pytest.raises(ReadOnlyError):
            host.domain_capabilities()
    assert make_host().define(guest_xml("another")).name == "another"


def test_errors_say_what_is_wrong_and_keep_the_code(make_host: MakeHost) -> None:
    host = make_host()
    guest = host.define(guest_xml("host-errors"))
    expected: list[tuple[type[LibvirtError], int, object, tuple[object, ...]]] = [
        (GuestNotFoundError, libvirt.VIR_ERR_NO_DOMAIN, host.guest, (uuid.uuid4(),)),
        (GuestNotFoundError, libvirt.VIR_ERR_NO_DOMAIN, host.guest_by_name, ("none",)),
        (ObjectNotFoundError, libvirt.VIR_ERR_NO_NETWORK, host.network, ("none",)),
        (ObjectNotFoundError, libvirt.VIR_ERR_NO_NETWORK, host.network, (uuid.uuid4(),)),
        (ObjectNotFoundError, libvirt.VIR_ERR_NO_STORAGE_POOL, host.pool, ("none",)),
        (ObjectNotFoundError, libvirt.VIR_ERR_NO_NODE_DEVICE, host.device, ("none",)),
        (ObjectNotFoundError, libvirt.VIR_ERR_NO_INTERFACE, host.interface, ("none",)),
        (UnsupportedError, libvirt.VIR_ERR_NO_SUPPORT, host.nwfilters, ()),
        (GuestStateError, libvirt.VIR_ERR_OPERATION_INVALID, guest.power_off, ()),
    ]
    for error, code, call, arguments in expected:
        with pytest.raises(error) as caught:
            call(*arguments)  # type: ignore[operator]
        assert type(caught.value) is error
        assert caught.value.code == code
    with pytest.raises(GuestStateError, match="guest host-errors: power off: "):
        guest.power_off()
