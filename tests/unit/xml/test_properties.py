"""Every typed property is read from a document, set, and read again; none escapes.

The documents in tests/data/xml hold each property once, with values of its own. A property that no
document shows fails the last test: add it to the document of its root element.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hostmon.xml
from hostmon.xml.documents import parse
from hostmon.xml.element import Child, Children, Element, Field, Flag, Value, Values
from hostmon.xml.metadata import Documents, Metadata
from hostmon.xml.nodes import NAMESPACES, new_node
from hostmon.xml.openstack import Instance

GOLDENS = sorted((Path(__file__).parents[2] / "data" / "xml").glob("*.xml"))
Property = tuple[type[Element], str]


def children(element: Element) -> Iterator[Element]:
    for field in element.fields.values():
        if isinstance(field, Child):
            child = getattr(element, field.name)
            yield from [] if child is None else [child]
        elif isinstance(field, Children):
            yield from getattr(element, field.name)
    if isinstance(element, Metadata) and (instance := element.find(Instance)):
        yield instance


def everything(element: Element) -> Iterator[Element]:
    yield element
    for child in children(element):
        yield from everything(child)


def shown(element: Element, field: Field[Any]) -> list[Any]:
    """What lxml's own XPath finds where the field says it is: strings, or elements."""
    path = field.path
    if isinstance(field, Value | Values) and not field.attribute:
        path += "/text()[normalize-space()]"
    found: Any = element.node.xpath(path, namespaces=NAMESPACES)
    classes = getattr(field, "classes", {})
    return [item for item in found if not classes or item.tag in classes]


def agrees(field: Field[Any], value: Any, texts: list[Any]) -> bool:
    """Whether a value read through the field is what XPath found."""
    if isinstance(field, Value):
        return bool(value == field.kind.read("".join(map(str, texts)).strip()))
    if isinstance(field, Values):
        return list(value) == [field.one.kind.read(str(text)) for text in texts]
    if isinstance(field, Flag):
        return value is True
    if isinstance(field, Child):
        return value.node is texts[0]
    return len(value) == len(texts)


def set_again(element: Element, field: Field[Any], value: Any) -> None:
    """Setting what was read, on an empty element of the same name, shows the same there."""
    fresh = type(element).wrap(new_node(str(element.node.tag)))
    setattr(fresh, field.name, value)
    before, after = getattr(element, field.name), getattr(fresh, field.name)
    assert list(before) == list(after) if isinstance(field, Children) else before == after
    assert len(shown(fresh, field)) == len(shown(element, field))
    if not isinstance(field, Children | Values | Documents):
        setattr(fresh, field.name, False if isinstance(field, Flag) else None)
        assert not getattr(fresh, field.name), "set to None it is absent"
        assert shown(fresh, field) == []


def exercise(path: Path) -> set[Property]:
    """Read, check, set and read every property that the document shows."""
    done: set[Property] = set()
    for element in everything(parse(path.read_bytes())):
        for field in element.fields.values():
            texts = shown(element, field)
            if not texts:
                continue
            value = getattr(element, field.name)
            assert agrees(field, value, texts), f"{type(element).__name__}.{field.name}"
            set_again(element, field, value)
            done.add((type(element), field.name))
    return done


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_properties_read_and_set(path: Path) -> None:
    assert exercise(path)


def subclasses(cls: type[Element]) -> Iterator[type[Element]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


def test_no_property_escapes() -> None:
    for module in pkgutil.walk_packages(hostmon.xml.__path__, "hostmon.xml."):
        importlib.import_module(module.name)
    done = set().union(*map(exercise, GOLDENS))
    # A base class's fields may be exercised in a subclass: they are the same objects.
    seen = {id(cls.fields[name]) for cls, name in done}
    missing = {
        f"{field_owner.__module__}.{field_owner.__name__}.{name}"
        for field_owner in subclasses(Element)
        if field_owner.__module__.startswith("hostmon.")
        for name, field in field_owner.fields.items()
        if id(field) not in seen
    }
    assert missing == set()


def test_an_unexercised_property_would_be_noticed() -> None:
    class Extended(Instance):
        extra = Value("@extra")

    done = set().union(*map(exercise, GOLDENS))
    assert id(Extended.fields["name"]) in {id(cls.fields[name]) for cls, name in done}
    assert id(Extended.fields["extra"]) not in {id(cls.fields[name]) for cls, name in done}
