"""Every document and device fragment the model knows, by its root element."""

from hostmon.errors import XMLError
from hostmon.xml.capabilities import Capabilities
from hostmon.xml.cpu import Cpu
from hostmon.xml.domain import DEVICES, Domain
from hostmon.xml.domaincaps import DomainCapabilities
from hostmon.xml.element import Element
from hostmon.xml.hostinterface import HostInterface
from hostmon.xml.network import Network
from hostmon.xml.nodedev import NodeDevice
from hostmon.xml.nodes import Node, line_of
from hostmon.xml.nwfilter import NwFilter, NwFilterBinding
from hostmon.xml.parsing import load
from hostmon.xml.pool import StoragePool
from hostmon.xml.secret import Secret
from hostmon.xml.snapshot import Backup, Checkpoint, Snapshot
from hostmon.xml.volume import Volume

DOCUMENTS: dict[str, type[Element]] = {
    cls.tag: cls
    for cls in (
        Domain, Capabilities, DomainCapabilities, Cpu, NwFilter, NwFilterBinding, Network,
        NodeDevice, StoragePool, Volume, Secret, Snapshot, Checkpoint, Backup,
    )
}  # fmt: skip


def class_of(root: Node) -> type[Element] | None:
    """The class of a document or fragment; None for a root that libvirt does not know."""
    tag = str(root.tag)
    # Two documents are named <interface>; only the host's carries its name as an attribute.
    if tag == HostInterface.tag and "name" in root.attrib:
        return HostInterface
    return DOCUMENTS.get(tag) or DEVICES.get(tag)


def parse(xml: str | bytes) -> Element:
    """Any document or device fragment as an object of its class; raises XMLError."""
    root = load(xml)
    cls = class_of(root)
    if cls is None:
        known = ", ".join(sorted(DOCUMENTS))
        raise XMLError(
            f"document: <{root.tag}> (line {line_of(root)}) is nothing libvirt knows; "
            f"pass one of {known}, or a device of a domain",
            line_of(root),
        )
    return cls.wrap(root)
