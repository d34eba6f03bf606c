"""The guest table of a node, filled once from libvirt, as the agent's keeper does by events."""

import xml.etree.ElementTree as ET

import libvirt

from hostmon._table import GuestTable


def fill(connection: libvirt.virConnect) -> GuestTable:
    """Every guest with its state and its devices."""
    table = GuestTable()
    for domain in connection.listAllDomains():
        uuid = domain.UUID()
        table.upsert(uuid, domain.name().encode())
        state, reason = domain.state()
        table.set_state(uuid, state, reason, domain.ID() if domain.isActive() else -1)
        devices = ET.fromstring(domain.XMLDesc(0)).find("devices")
        assert devices is not None
        table.set_devices(
            uuid,
            [(target(disk), target(disk)) for disk in devices.iter("disk")],
            [(mac(nic), target(nic)) for nic in devices.iter("interface")],
        )
    return table


def target(device: ET.Element) -> bytes:
    element = device.find("target")
    return (element.get("dev", "") if element is not None else "").encode()


def mac(nic: ET.Element) -> bytes:
    element = nic.find("mac")
    return (element.get("address", "") if element is not None else "").encode()
