"""A guest with an operating system to plug things into, and the node's network from here."""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hostmon.guest import Guest
from hostmon.host import Host
from tests.lab import linux
from tests.lab.node import Node

CLONE_NEWNET = 0x40000000


@contextmanager
def network_of(node: Node) -> Iterator[None]:
    """This thread, and what it starts, is in the node's network meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor: int) -> None:
        if libc.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    away = os.open(f"/proc/{node.init_pid}/ns/net", os.O_RDONLY)
    try:
        enter(away)
        yield
    finally:
        enter(home)
        os.close(away)
        os.close(home)


@pytest.fixture(scope="module")
def host(module_node: Node) -> Iterator[Host]:
    with Host(module_node.uri, read_write=True) as connected, network_of(module_node):
        yield connected


@pytest.fixture(scope="module")
def guest(module_node: Node, host: Host) -> Guest:
    """It lets go of what is unplugged, as only an operating system does."""
    try:
        linux.system()
    except RuntimeError as error:
        pytest.skip(str(error))
    return host.guest_by_name(linux.boot(module_node, "plugged"))


@pytest.fixture
def monitor(module_node: Node, guest: Guest) -> Callable[[str], str]:
    """What QEMU itself says, asked past libvirt's own book-keeping."""

    def ask(command: str) -> str:
        return module_node.virsh("qemu-monitor-command", guest.name, "--hmp", command)

    return ask
