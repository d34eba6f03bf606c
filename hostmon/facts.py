"""What labels show of a guest's definition, read from libvirt's XML once a definition.

The attributes are called as the labels that show them; what a definition does not say is empty.
Must not read a counter.
"""

import msgspec
from lxml import etree

from hostmon.xml.disk import Disk
from hostmon.xml.domain import Domain
from hostmon.xml.interface import Interface

CLOUD = "http://openstack.org/xmlns/libvirt/nova/"
"""What the namespaces of the cloud's metadata begin with; a version follows."""


class DiskFacts(msgspec.Struct, frozen=True, array_like=True):
    """A disk as its definition has it; what it does not say is empty."""

    target_device: str
    device: str = "disk"
    """disk, lun, cdrom or floppy; no label."""
    disk_type: str = ""
    target_bus: str = ""
    driver_name: str = ""
    driver_type: str = ""
    driver_cache: str = ""
    driver_discard: str = ""
    source_file: str = ""
    source_protocol: str = ""
    serial: str = ""


class InterfaceFacts(msgspec.Struct, frozen=True, array_like=True):
    """An interface as its definition has it."""

    mac_address: str
    target_device: str = ""
    interface_type: str = ""
    source_bridge: str = ""
    model_type: str = ""
    mtu_size: str = ""


class GuestFacts(msgspec.Struct, frozen=True, array_like=True):
    """A guest as its definition has it.

    From ``instance_name`` to ``project_id`` it is a cloud's metadata, all empty without that.
    """

    uuid: str
    domain: str
    os_type: str = ""
    os_type_arch: str = ""
    os_type_machine: str = ""
    instance_name: str = ""
    instance_id: str = ""
    flavor_name: str = ""
    user_name: str = ""
    user_id: str = ""
    project_name: str = ""
    project_id: str = ""
    disks: tuple[DiskFacts, ...] = ()
    interfaces: tuple[InterfaceFacts, ...] = ()


def facts_of(domain: Domain) -> GuestFacts:
    """A guest's facts from its definition, of the running guest where it runs."""
    boot = domain.os.type if domain.os else None
    return GuestFacts(
        uuid=domain.uuid or "",
        domain=domain.name or "",
        os_type=(boot.name if boot else None) or "",
        os_type_arch=(boot.arch if boot else None) or "",
        os_type_machine=(boot.machine if boot else None) or "",
        disks=tuple(disk_facts(disk) for disk in domain.disks),
        interfaces=tuple(interface_facts(interface) for interface in domain.interfaces),
        **owner_facts(domain),
    )


def disk_facts(disk: Disk) -> DiskFacts:
    """A disk's facts."""
    target, driver, source = disk.target, disk.driver, disk.source
    return DiskFacts(
        target_device=(target.dev if target else None) or "",
        device=disk.device or "disk",
        disk_type=disk.type or "",
        target_bus=(target.bus if target else None) or "",
        driver_name=(driver.name if driver else None) or "",
        driver_type=(driver.type if driver else None) or "",
        driver_cache=(driver.cache if driver else None) or "",
        driver_discard=(driver.discard if driver else None) or "",
        source_file=(source.file if source else None) or "",
        source_protocol=(source.protocol if source else None) or "",
        serial=disk.serial or "",
    )


def interface_facts(interface: Interface) -> InterfaceFacts:
    """An interface's facts."""
    source = interface.source
    return InterfaceFacts(
        mac_address=interface.mac or "",
        target_device=interface.target or "",
        interface_type=interface.type or "",
        source_bridge=(source.bridge if source else None) or "",
        model_type=interface.model or "",
        mtu_size="" if interface.mtu is None else str(interface.mtu),
    )


def owner_facts(domain: Domain) -> dict[str, str]:
    """Whose a guest is, from a cloud's metadata of any version; nothing without it."""
    if domain.metadata is None:
        return {}
    for node in domain.metadata.node.iterchildren(tag=etree.Element):
        name = etree.QName(node)
        if name.localname == "instance" and (name.namespace or "").startswith(CLOUD):
            flavor = node.find("{*}flavor")
            user = node.find("{*}owner/{*}user")
            project = node.find("{*}owner/{*}project")
            return {
                "instance_name": node.findtext("{*}name") or "",
                "instance_id": domain.uuid or "",
                "flavor_name": "" if flavor is None else flavor.get("name", ""),
                "user_name": "" if user is None else user.text or "",
                "user_id": "" if user is None else user.get("uuid", ""),
                "project_name": "" if project is None else project.text or "",
                "project_id": "" if project is None else project.get("uuid", ""),
            }
    return {}
