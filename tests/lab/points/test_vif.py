"""Each type of interface that this machine can do, plugged into a real guest and out again."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hostmon.driver.points import VIF
from hostmon.errors import DriverError, GuestTimeoutError, LibvirtError, RequestRefusedError
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.points import (
    BridgeVif,
    DirectVif,
    EthernetVif,
    NetworkVif,
    UserVif,
    VhostuserVif,
    Vif,
    VifDriver,
    opened,
)
from tests.lab.node import Node

pytestmark = pytest.mark.timeout(300)
MAC = "52:54:00:aa:00:01"
Monitor = Callable[[str], str]
NETWORK = "<network><name>lab</name><bridge name='virbr7' stp='off'/></network>"


@pytest.fixture(scope="module")
def wires(module_node: Node) -> None:
    """A bridge, an end of a veth pair, one of libvirt's networks."""
    module_node.run("ip", "link", "add", "br7", "type", "bridge")
    module_node.run("ip", "link", "set", "br7", "up")
    module_node.run("ip", "link", "add", "up7", "type", "veth", "peer", "name", "far7")
    module_node.run("ip", "link", "set", "up7", "up")
    (module_node.root / "lib/network.xml").write_text(NETWORK)
    module_node.virsh("net-define", "/var/lib/libvirt/network.xml")
    module_node.virsh("net-start", "lab")


@pytest.fixture(scope="module")
def vifs(host: Host, wires: None) -> Iterator[VifDriver]:
    with opened(VIF, "generic", host) as driver:
        yield driver


def links(node: Node) -> dict[str, dict[str, Any]]:
    """The node's interfaces as the kernel has them."""
    found = json.loads(node.run("ip", "-json", "-details", "link", "show").stdout)
    return {link["ifname"]: link for link in found}


def kind(link: dict[str, Any]) -> str:
    return str(link.get("linkinfo", {}).get("info_kind", ""))


TYPES: dict[str, tuple[Vif, str, str | None]] = {
    # What is plugged, the kind of the host's interface, and what that is joined to.
    "bridge": (BridgeVif(mac=MAC, bridge="br7", target="tapbridge", mtu=1400), "tun", "br7"),
    "tap": (EthernetVif(mac=MAC, target="tapmine", bridge="br7", mtu=1300), "tun", "br7"),
    "tap alone": (EthernetVif(mac=MAC, target="tapalone"), "tun", None),
    "macvtap": (DirectVif(mac=MAC, device="up7"), "macvtap", None),
    "network": (NetworkVif(mac=MAC, network="lab"), "tun", "virbr7"),
    "user": (UserVif(mac=MAC), "", None),
}


@pytest.mark.parametrize("name", TYPES)
def test_it_is_plugged_and_unplugged(
    name: str, module_node: Node, guest: Guest, vifs: VifDriver, monitor: Monitor
) -> None:
    vif, expected, bridge = TYPES[name]
    before = set(links(module_node))
    assert MAC not in monitor("info network")
    shown = vifs.plug(guest, vif)
    assert shown.mac == MAC
    assert MAC in guest.interfaces()
    assert MAC in guest.interfaces(inactive=True)
    assert f"macaddr={MAC}" in monitor("info network"), "QEMU itself has it"
    added = {name: link for name, link in links(module_node).items() if name not in before}
    if expected:
        ((target, link),) = added.items()
        assert shown.target == target
        assert (kind(link), link.get("master")) == (expected, bridge)
        assert "UP" in link["flags"]
        assert vif.mtu in {None, link["mtu"]}
    else:
        assert added == {}
    with pytest.raises(RequestRefusedError, match="has an interface of this MAC address"):
        vifs.plug(guest, vif)
    (row,) = module_node.virsh("domiflist", guest.name).splitlines()[2:]
    print(f"{name}: virsh domiflist has {' '.join(row.split())}", end="; ")
    vifs.unplug(guest, vif)
    assert guest.interfaces() == guest.interfaces(inactive=True) == {}
    assert MAC not in monitor("info network")
    assert set(links(module_node)) == before
    assert module_node.virsh("domiflist", guest.name).splitlines()[2:] == []
    print("unplugged, it has none")


def test_a_plug_that_fails_leaves_nothing(module_node: Node, guest: Guest, vifs: VifDriver) -> None:
    before = set(links(module_node))
    with pytest.raises(DriverError, match="master nobridge: "):
        vifs.plug(guest, EthernetVif(mac=MAC, target="taplost", bridge="nobridge"))
    with pytest.raises(LibvirtError, match="attach device"):
        vifs.plug(guest, EthernetVif(mac=MAC, target="taplost", model="nomodel"))
    with pytest.raises(LibvirtError, match="nobridge"):
        vifs.plug(guest, BridgeVif(mac=MAC, bridge="nobridge"))
    with pytest.raises(LibvirtError, match="nonetwork"):
        vifs.plug(guest, NetworkVif(mac=MAC, network="nonetwork"))
    assert set(links(module_node)) == before
    assert guest.interfaces() == guest.interfaces(inactive=True) == {}


def test_another_ones_interface_is_neither_taken_nor_removed(
    module_node: Node, guest: Guest, vifs: VifDriver
) -> None:
    module_node.run("ip", "tuntap", "add", "dev", "theirs", "mode", "tap")
    vif = EthernetVif(mac=MAC, target="theirs")
    with pytest.raises(RequestRefusedError, match="'theirs' is an interface of the host already"):
        vifs.plug(guest, vif)
    guest.attach(vifs.element(vif))
    vifs.unplug(guest, vif)
    assert "theirs" in links(module_node)
    module_node.run("ip", "link", "delete", "theirs")


def test_vhostuser_wants_shared_memory(guest: Guest, vifs: VifDriver) -> None:
    with pytest.raises(RequestRefusedError, match="does not share its memory"):
        vifs.plug(guest, VhostuserVif(mac=MAC, path="/run/switch.sock"))


def test_a_guest_that_holds_on_keeps_its_tap(
    module_node: Node, host: Host, guest: Guest, vifs: VifDriver
) -> None:
    """A stopped processor answers nobody: the tap must not go from under it."""
    vif = EthernetVif(mac=MAC, target="tapheld")
    vifs.plug(guest, vif)
    guest.suspend()
    try:
        with (
            opened(VIF, "generic", host, {"unplug_timeout": 0.5}) as hasty,
            pytest.raises(GuestTimeoutError),
        ):
            hasty.unplug(guest, vif)
        assert "tapheld" in links(module_node)
    finally:
        guest.resume()
    vifs.unplug(guest, vif)
    assert "tapheld" not in links(module_node)
