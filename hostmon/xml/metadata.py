"""What applications keep in a description: one element of their own namespace each.

To libvirt and to this model it is opaque; an application that knows its element declares it as any
other (openstack.py does) and asks for it by class.
"""

from typing import TypeVar

from lxml import etree

from hostmon.errors import XMLError
from hostmon.xml.element import Element
from hostmon.xml.fields import Field
from hostmon.xml.nodes import drop, first, qualified
from hostmon.xml.parsing import dump, load

E = TypeVar("E", bound=Element)


class Documents(Field[dict[str, str]]):
    """The elements of an element that take no part in the model, by namespace, as text."""

    def __get__(self, obj: Element, owner: type | None = None) -> dict[str, str]:
        return {
            str(etree.QName(node).namespace or ""): dump(node)
            for node in obj.node.iterchildren(tag=etree.Element)
        }

    def __set__(self, obj: Element, values: dict[str, str]) -> None:
        for node in list(obj.node.iterchildren(tag=etree.Element)):
            drop(node)
        for text in values.values():
            obj.node.append(load(text))


class Metadata(Element):
    """All applications' elements, one a namespace."""

    tag = "metadata"
    documents = Documents("*")

    def get(self, uri: str) -> str | None:
        """The element of this namespace as text, or None."""
        for node in self.node.iterchildren(f"{{{uri}}}*"):
            return dump(node)
        return None

    def set(self, uri: str, xml: str | None) -> None:
        """Replace the element of this namespace, or remove it with None; the others stay.

        Raises XMLError where ``xml`` is not one element of that namespace.
        """
        new = None if xml is None else load(xml)
        if new is not None and etree.QName(new).namespace != uri:
            raise XMLError(
                f"metadata: <{new.tag}> is not of the namespace {uri!r}; declare it with xmlns"
            )
        for node in list(self.node.iterchildren(f"{{{uri}}}*")):
            drop(node)
        if new is not None:
            self.node.append(new)

    def find(self, cls: type[E]) -> E | None:
        """The element that this class declares, or None."""
        node = first(self.node, (qualified(cls.tag),))
        return None if node is None else cls.wrap(node)


def metadata_of(xml: str | bytes, cls: type[E]) -> E | None:
    """One application's element out of a whole description: ``metadata_of(xml, Instance)``.

    Raises XMLError where the description is not safe, well-formed XML.
    """
    node = first(load(xml), ("metadata", qualified(cls.tag)))
    return None if node is None else cls.wrap(node)
