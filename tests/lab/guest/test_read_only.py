"""No call that acts works through a read-only host."""

from collections.abc import Iterator

import libvirt
import pytest

from hostmon.errors import (
    ReadOnlyError,
)
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.xml.controller import Controller
from tests.lab import guests
from tests.lab.guest.conftest import MIB, URI
from tests.lab.node import Node

ACTS: dict[str, tuple[object, ...]] = {
    "launch": (), "shutdown": (), "power_off": (), "reboot": (), "reset": (), "suspend": (),
    "save": (), "drop_saved": (), "undefine": (), "set_autostart": (True,), "rename": ("x",),
    "set_title": ("x",), "set_description": ("x",), "set_metadata": (URI, "inv", "<x/>"),
    "set_vcpus": (1,), "set_max_vcpus": (1,), "pin_vcpu": (0, [0]), "pin_emulator": ([0],),
    "set_memory": (MIB,), "set_max_memory": (MIB,), "set_memory_stats_period": (1,),
    "block_resize": ("sda", MIB), "abort_block_job": ("sda",), "abort_job": (),
    "attach": (Controller(type="scsi", index=7),), "detach": ("controller[pci,0]",),
    "update": (Controller(type="pci", index=0),),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTS)
def test_a_read_only_host_cannot_act(name: str, read_only: Guest) -> None:
    with pytest.raises(ReadOnlyError) as caught:
        getattr(read_only, name)(*ACTS[name])
    assert caught.value.code == libvirt.VIR_ERR_OPERATION_DENIED


@pytest.fixture(scope="module")
def read_only(module_node: Node) -> Iterator[Guest]:
    (name,) = guests.define_and_start(module_node, 1, first=900, paused=True)
    with Host(module_node.uri_readonly) as host:
        yield host.guest_by_name(name)
