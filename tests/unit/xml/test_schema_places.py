"""The model beside libvirt's own schemas: which of the places they name it knows.

A place is an element or attribute under a class of the model; metadata is anybody's. It finds what
a document has never shown, in whatever version of the schemas is installed.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from hostmon.xml.documents import DOCUMENTS
from hostmon.xml.element import Element
from hostmon.xml.hostinterface import HostInterface
from hostmon.xml.nodes import NAMESPACES
from hostmon.xml.schema import FILES, RNG, SCHEMAS
from hostmon.xml.shape import Shape, shape

CLASSES: dict[str, type[Element]] = {**DOCUMENTS, "interface": HostInterface}
Pattern = Any


class Grammar:
    """A schema's definitions, by name; a name may have several, which combine."""

    def __init__(self, path: Path) -> None:
        self.defines: dict[str, list[Pattern]] = {}
        self._load(path)
        start = etree.parse(path).getroot().find(f"{RNG}start")
        self.roots = dict(self.elements(start))

    def _load(self, path: Path) -> None:
        root = etree.parse(path).getroot()
        for include in root.iter(f"{RNG}include"):
            self._load(path.with_name(str(include.get("href"))))
        for define in root.iter(f"{RNG}define"):
            kept = self.defines.get(str(define.get("name")), []) if define.get("combine") else []
            self.defines[str(define.get("name"))] = [*kept, define]

    def inside(self, pattern: Pattern, seen: frozenset[str] = frozenset()) -> Iterator[Pattern]:
        """The attributes and elements right inside a pattern."""
        for child in pattern.iterchildren(tag=etree.Element):
            name = str(child.get("name"))
            if child.tag in (f"{RNG}attribute", f"{RNG}element"):
                yield child
            elif child.tag != f"{RNG}ref":
                yield from self.inside(child, seen)
            elif name not in seen:
                for define in self.defines.get(name, []):
                    yield from self.inside(define, seen | {name})

    def elements(self, pattern: Pattern) -> Iterator[tuple[str, Pattern]]:
        for one in self.inside(pattern):
            if one.tag == f"{RNG}element" and one.get("name"):
                yield str(one.get("name")), one


def below(at: Shape, name: str) -> Shape | None:
    """The place of a child element, in any of the namespaces that the schemas write as none."""
    tags = [name, *(f"{{{uri}}}{name}" for uri in NAMESPACES.values())]
    return next((found for tag in tags if (found := at.child(tag)) is not None), None)


def places(
    grammar: Grammar, patterns: list[Pattern], at: Shape, path: str, seen: set[Any]
) -> Iterator[tuple[str, bool]]:
    """Every place under an element, and whether the model knows it; each class only once."""
    children: dict[str, list[Pattern]] = {}
    for one in (one for pattern in patterns for one in grammar.inside(pattern)):
        name = one.get("name")
        if name is None:
            continue
        if one.tag == f"{RNG}element":
            children.setdefault(name, []).append(one)
        elif (at.cls, at.steps, "@", name) not in seen:
            seen.add((at.cls, at.steps, "@", name))
            yield f"{path}/@{name}", name in at.attributes
    for name, found in {} if at.opaque else children.items():
        place, child = (at.cls, at.steps, name), below(at, name)
        if place not in seen:
            seen.add(place)
            yield f"{path}/{name}", child is not None
        level = path.count(f"/{name}/")
        if child is not None and level < 2 and (place, id(found[0])) not in seen:
            seen.add((place, id(found[0])))
            yield from places(grammar, found, child, f"{path}/{name}", seen)


@cache
def known(root: str) -> tuple[tuple[str, bool], ...]:
    grammar = Grammar(SCHEMAS / f"{FILES[root]}.rng")
    start = [grammar.roots[root]]
    return tuple(places(grammar, start, shape(CLASSES[root]), root, set()))


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="install libvirt's schemas (libvirt-daemon)")
@pytest.mark.parametrize("root", sorted(FILES))
def test_the_model_knows_the_places_of_the_schema(root: str) -> None:
    unknown = [path for path, there in known(root) if not there]
    share = 1 - len(unknown) / len(known(root))
    assert len(known(root)) > 5
    # A snapshot's disk has, in the schema, all of a guest's disk; libvirt reads a part of it.
    assert share >= (0.8 if root == "domainsnapshot" else 0.95), unknown
