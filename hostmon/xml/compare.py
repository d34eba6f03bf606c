"""Tells two documents' differences by path: ``domain/devices/disk[vda]/driver/@cache``.

Compares everything, what the model does not know included. Order of elements does not count, nor
do comments and indentation; devices are paired by what tells them apart, as the model declares.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hostmon.xml.documents import class_of
from hostmon.xml.element import Element
from hostmon.xml.nodes import Node, content, elements, text_of
from hostmon.xml.parsing import dump
from hostmon.xml.shape import Shape, shape


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; None on the side that lacks it. Elements are shown as their XML."""

    path: str
    left: str | None
    right: str | None

    def __str__(self) -> str:
        if self.left is None:
            return f"+ {self.path}: {self.right}"
        if self.right is None:
            return f"- {self.path}: {self.left}"
        return f"~ {self.path}: {self.left} -> {self.right}"


def compare(left: Element, right: Element) -> list[Difference]:
    """All differences, in the left document's order, then what only the right one has."""
    path = str(left.node.tag)
    if left.node.tag != right.node.tag:
        return [Difference(path, dump(left.node), dump(right.node))]
    cls = class_of(left.node) or type(left)
    return list(_differences(left.node, right.node, shape(cls), path))


def _differences(left: Node, right: Node, at: Shape | None, path: str) -> Iterator[Difference]:
    names = dict.fromkeys([*left.attrib, *right.attrib])
    for name in map(str, names):
        if left.get(name) != right.get(name):
            yield Difference(f"{path}/@{name}", left.get(name), right.get(name))
    one, two = text_of(left).strip(), text_of(right).strip()
    if one != two:
        yield Difference(path, one, two)
    for tag in dict.fromkeys(str(child.tag) for child in [*elements(left), *elements(right)]):
        below = at.child(tag) if at else None
        pairs = _pairs(list(left.iterchildren(tag)), list(right.iterchildren(tag)), below)
        for name, first, second in pairs:
            here = f"{path}/{tag}{name}"
            if first is not None and second is not None:
                yield from _differences(first, second, below, here)
            else:
                yield Difference(here, _shown(first), _shown(second))


def _shown(node: Node | None) -> str | None:
    return None if node is None else " ".join(dump(node).split())


Pair = tuple[str, Node | None, Node | None]


def _pairs(left: list[Node], right: list[Node], at: Shape | None) -> list[Pair]:
    """Which elements of one name belong together: by key, else the same ones, else in order."""
    if len(left) <= 1 and len(right) <= 1 and not any(at and at.name(n) for n in left + right):
        return [("", left[0] if left else None, right[0] if right else None)]
    pairs: list[Pair] = []
    others = list(right)
    rest: list[tuple[str, Node]] = []
    for index, node in enumerate(left, 1):
        key = at.name(node) if at else None
        twin = next((o for o in others if at and key and at.name(o) == key), None)
        if twin is None and key is None:
            twin = next((o for o in others if content(o) == content(node)), None)
        if twin is None:
            rest.append((f"[{key or index}]", node))
        else:
            others.remove(twin)
            pairs.append((f"[{key or index}]", node, twin))
    for name, node in rest:
        nameless = at is None or at.name(node) is None
        pairs.append((name, node, others.pop(0) if others and nameless else None))
    names = [(at and at.name(node)) or str(right.index(node) + 1) for node in others]
    return pairs + [(f"[{name}]", None, node) for name, node in zip(names, others, strict=True)]
