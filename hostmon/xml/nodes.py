"""What the model does to lxml nodes: finding, creating, placing and dropping them.

Owns the namespaces and the care for indentation; knows no element by name.
"""

from collections.abc import Iterable, Iterator
from typing import cast

from lxml import etree

Node = etree._Element  # noqa: SLF001  # the one name lxml gives its nodes

# Prefixes that paths may use, and that new elements are written with.
NAMESPACES = {
    "qemu": "http://libvirt.org/schemas/domain/qemu/1.0",
    "lxc": "http://libvirt.org/schemas/domain/lxc/1.0",
    "xen": "http://libvirt.org/schemas/domain/xen/1.0",
    "bhyve": "http://libvirt.org/schemas/domain/bhyve/1.0",
    "vmware": "http://libvirt.org/schemas/domain/vmware/1.0",
    "dnsmasq": "http://libvirt.org/schemas/network/dnsmasq/1.0",
    "fs": "http://libvirt.org/schemas/storagepool/fs/1.0",
    "rbd": "http://libvirt.org/schemas/storagepool/rbd/1.0",
    "nova": "http://openstack.org/xmlns/libvirt/nova/1.1",
}


def qualified(step: str) -> str:
    """``qemu:arg`` as lxml names it, ``{http://...}arg``."""
    prefix, colon, local = step.rpartition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}" if colon else step


def new_node(tag: str) -> Node:
    """A free element; its namespace, if any, gets its usual prefix."""
    uri = etree.QName(tag).namespace
    return etree.Element(tag, nsmap={p: u for p, u in NAMESPACES.items() if u == uri})


def elements(node: Node) -> Iterator[Node]:
    """The child elements, without comments and processing instructions."""
    return node.iterchildren(tag=etree.Element)


def line_of(node: Node) -> int:
    """The line the element starts on, 0 where it was made here."""
    return cast("int | None", node.sourceline) or 0


def first(node: Node, steps: Iterable[str]) -> Node | None:
    """The element that these steps lead to, taking the first of each name."""
    for step in steps:
        for child in node.iterchildren(step):
            node = child
            break
        else:
            return None
    return node


def text_of(node: Node) -> str:
    """The element's own text, without comments and the indentation of elements within it."""
    if len(node):
        text = "".join([node.text or "", *(child.tail or "" for child in node)])
        return text.strip() if next(elements(node), None) is not None else text
    return node.text or ""


def set_text(node: Node, text: str | None) -> None:
    """Replace the element's own text; what stands in it, and its indentation, stay."""
    node.text = text
    for child in node:
        if child.tail and child.tail.strip():
            child.tail = None


def place(parent: Node, node: Node, later: frozenset[str]) -> None:
    """Put a new child before the first one that belongs after it, indented like its neighbours."""
    for index, sibling in enumerate(parent):
        if sibling.tag in later:
            node.tail = indentation(parent[index - 1].tail if index else parent.text)
            parent.insert(index, node)
            return
    if len(parent) and indentation(parent[-1].tail):
        node.tail, parent[-1].tail = parent[-1].tail, indentation(parent.text)
    parent.append(node)


def follow(before: Node, node: Node) -> None:
    """Put a new element right behind another one."""
    parent = cast("Node", before.getparent())
    tail, inner = before.tail, indentation(parent.text)
    before.tail = None  # lxml would leave it in front of the new element
    before.addnext(node)
    if indentation(tail) and node.getnext() is None:
        before.tail, node.tail = inner, tail
    else:
        before.tail, node.tail = tail, indentation(tail)


def indentation(text: str | None) -> str | None:
    """The text if it only indents, else None: words are never copied."""
    return None if text is None or text.strip() else text


def drop(node: Node) -> None:
    """Take an element out; text behind it stays, and so does the indentation of what follows."""
    parent = node.getparent()
    if parent is None:
        return
    before, tail = node.getprevious(), node.tail or ""
    if tail.strip() or (node.getnext() is None and before is not None):
        keep = (
            tail if not tail.strip() else ((before.tail if before is not None else "") or "") + tail
        )
        if before is not None:
            before.tail = keep
        else:
            parent.text = (parent.text or "") + tail
    parent.remove(node)


def content(node: Node) -> tuple[object, ...]:
    """What the element holds: equal for equal content, whatever indentation, comments, prefixes.

    Not canonical XML, which libxml2 refuses to make where a namespace is a relative URI.
    """
    attributes = sorted((str(name), str(value)) for name, value in node.attrib.items())
    text = text_of(node)
    words = text if text.strip() else ""
    return node.tag, tuple(attributes), words, tuple(map(content, elements(node)))
