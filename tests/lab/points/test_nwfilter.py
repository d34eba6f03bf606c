"""The nwfilter driver on a real libvirtd: what ``virsh nwfilter-list`` shows before and after."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hostmon.driver.points import FIREWALL, VIF
from hostmon.errors import DriverError, GuestNotFoundError, LibvirtError
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.points import BridgeVif, Filter, Port, opened
from hostmon.xml.nwfilter import NwFilter
from tests.agent_process import AgentProcess, wait_for
from tests.lab import guests
from tests.lab.node import Node

BASE = {"no-mac-spoofing", "no-ip-spoofing", "no-arp-spoofing", "allow-dhcp-server"}
MAC, SECOND = "52:54:00:bb:00:01", "52:54:00:bb:00:02"
PORT = Port(mac=MAC, addresses=("192.0.2.7", "192.0.2.8"), dhcp_servers=("192.0.2.1",))


def listed(node: Node) -> set[str]:
    """The names that virsh shows."""
    lines = node.virsh("nwfilter-list").splitlines()[2:]
    names = {line.split()[1] for line in lines if line.strip()}
    print("virsh nwfilter-list:", " ".join(sorted(names)) or "(none)")
    return names


def interface(filter_: Filter | None, mac: str = MAC) -> str:
    vif = BridgeVif(mac=mac, bridge="br8", filter=filter_)
    with opened(VIF, "generic", Host("unused:///")) as vifs:
        return str(vifs.element(vif).to_xml())


@pytest.fixture
def host(node: Node) -> Iterator[Host]:
    node.run("ip", "link", "add", "br8", "type", "bridge")
    node.run("ip", "link", "set", "br8", "up")
    with Host(node.uri, read_write=True) as connected:
        yield connected


def define(node: Node, host: Host, devices: str = "", name: str = "filtered") -> Guest:
    xml = guests.guest_xml(node, node.name(name), vcpus=1, devices=devices, idle=True)
    return host.define(xml)


def redefine(host: Host, guest: Guest, *filters: tuple[Filter | None, str]) -> Guest:
    devices = "".join(interface(filter_, mac) for filter_, mac in filters)
    domain = guest.domain(inactive=True)
    domain.interfaces.clear()
    return host.define(domain.to_xml().replace("</devices>", f"{devices}</devices>"))


def test_filters_are_defined_used_and_removed(node: Node, host: Host) -> None:
    assert listed(node) == set()
    guest = define(node, host)
    with opened(FIREWALL, "nwfilter", host) as firewall:
        assert listed(node) == BASE
        made = firewall.protect(guest, PORT)
        other = firewall.protect(guest, Port(mac=SECOND))
        own = {made.name, other.name}
        assert listed(node) == BASE | own
        assert firewall.protect(guest, PORT) == made
        assert listed(node) == BASE | own, "again changes nothing"
        assert made.parameters == (
            ("IP", "192.0.2.7"), ("IP", "192.0.2.8"), ("DHCPSERVER", "192.0.2.1"),
        )  # fmt: skip
        refers = {ref.filter for ref in host.nwfilter(made.name).filterrefs}
        assert refers == BASE
        assert {ref.filter for ref in host.nwfilter(other.name).filterrefs} == BASE - {
            "allow-dhcp-server"
        }
        guest = redefine(host, guest, (made, MAC))
        assert firewall.missing(guest) == ()
        guest.launch()
        at_work = host.nwfilter_bindings()
        assert [binding.owner_uuid for binding in at_work] == [str(guest.uuid)]
        rules = node.run("ebtables", "-t", "nat", "-L").stdout
        assert f"-s ! {MAC}" in rules or MAC in rules, rules
        assert "192.0.2.8" in rules
        number = guest.uuid
        guest.undefine()
        assert firewall.forget(number) is False, "it runs on, transient, and stays filtered"
        assert made.name in listed(node)
        guest.power_off()
        assert firewall.forget(number) is True
        assert listed(node) == BASE
        assert firewall.forget(number) is False
        assert firewall.forget(uuid.uuid4()) is False
    assert listed(node) == BASE, "a driver that ends leaves guests filtered"


def test_what_is_there_already_stays_as_it_is(node: Node, host: Host) -> None:
    theirs = "<filter name='no-ip-spoofing' chain='ipv4-ip' priority='-710'/>"
    host.define_nwfilter(NwFilter.parse(theirs))
    number = host.nwfilter("no-ip-spoofing").uuid
    with opened(FIREWALL, "nwfilter", host):
        pass
    assert host.nwfilter("no-ip-spoofing").uuid == number
    assert len(host.nwfilter("no-ip-spoofing").rules) == 0
    assert listed(node) == BASE


def test_filters_of_guests_that_went_while_nobody_looked_go(node: Node, host: Host) -> None:
    gone, stays = define(node, host, name="gone"), define(node, host, name="stays")
    with opened(FIREWALL, "nwfilter", host) as firewall:
        firewall.protect(gone, PORT)
        kept = firewall.protect(stays, PORT)
    host.define_nwfilter(NwFilter.parse("<filter name='hostmon-instance-else'/>"))
    gone.undefine()
    with opened(FIREWALL, "nwfilter", host):
        assert listed(node) == BASE | {kept.name, "hostmon-instance-else"}


def test_a_reference_to_nothing_is_told_at_the_start(
    node: Node, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    guest = define(node, host, interface(Filter("clean-traffic")))
    with caplog.at_level(logging.WARNING), opened(FIREWALL, "nwfilter", host) as firewall:
        assert firewall.missing(guest) == ("clean-traffic",)
    assert f"guest {guest.name} refers to the network filter clean-traffic" in caplog.text
    with pytest.raises(LibvirtError, match="clean-traffic"):
        guest.launch()
    guest.undefine()
    with opened(FIREWALL, "nwfilter", host) as firewall, pytest.raises(GuestNotFoundError):
        firewall.missing(guest)


def test_it_needs_a_host_that_acts(node: Node) -> None:
    with (
        Host(node.uri_readonly) as host,
        pytest.raises(DriverError, match="opened read-write"),
        opened(FIREWALL, "nwfilter", host),
    ):
        pass
    assert listed(node) == set()


def test_noop_filters_nothing(node: Node, host: Host) -> None:
    guest = define(node, host)
    with opened(FIREWALL, "noop", host) as firewall:
        assert firewall.protect(guest, PORT) is None
        assert firewall.missing(guest) == ()
        assert firewall.forget(guest.uuid) is False
    assert listed(node) == set()


def test_the_agents_driver_follows_guests_by_their_events(
    node: Node, host: Host, tmp_path: Path
) -> None:
    """In a process of its own; also what happened while libvirtd was away."""
    config = (
        "[agent]\ndrivers = ['prometheus', 'firewall']\n"
        f"[drivers.firewall]\nuser = 'root'\nuri = '{node.uri}'\n"
    )
    arguments = ("--uri", node.uri_readonly)
    with closing(AgentProcess(tmp_path, *arguments, config=config)) as agent:
        agent.wait_until_ready()
        wait_for(lambda: listed(node) >= BASE, 30)
        with opened(FIREWALL, "nwfilter", host) as firewall:
            first, second = define(node, host, name="first"), define(node, host, name="second")
            for guest in (first, second):
                made = firewall.protect(guest, PORT)
                assert made.name in listed(node)
            define(node, host, interface(Filter("of-nobody"), SECOND), name="lacks")
            wait_for(lambda: "refers to the filter of-nobody" in agent.log.read_text())
            first.undefine()
            wait_for(lambda: listed(node) == BASE | {made.name})
        state = next(one for one in agent.ask("drivers") if one["name"] == "firewall")
        assert (state["state"], state["isolation"]) == ("running", "process")
        node.restart_libvirtd()
        node.virsh("undefine", node.name("second"))
        wait_for(lambda: listed(node) == BASE, 30)
        assert agent.stop() == 0
