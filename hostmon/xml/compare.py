"""Tells two documents' differences by path: ``domain/devices/disk[vda]/driver/@cache``.

Compares everything, what the model does not know included. Order of elements does not count, nor
do comments and indentation; devices are paired by what tells them apart, as the model declares.
"""

from collections import deque
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
    mine, theirs = _identities(left, at), _identities(right, at)
    waiting: dict[object, deque[int]] = {}
    for number, identity in enumerate(theirs):
        waiting.setdefault(identity, deque()).append(number)
    twins = {
        number: waiting[identity].popleft()
        for number, identity in enumerate(mine)
        if waiting.get(identity)
    }
    taken = set(twins.values())
    over = deque(n for n, _ in enumerate(right) if n not in taken)
    nameless = deque(n for n in over if not isinstance(theirs[n], str))
    pairs: list[Pair] = []
    for number, node in enumerate(left):
        twin = twins.get(number)
        if twin is None and nameless and not isinstance(mine[number], str):
            twin = nameless.popleft()
            taken.add(twin)
        pairs.append((_label(mine, number), node, None if twin is None else right[twin]))
    rest = [(_label(theirs, n), None, right[n]) for n in over if n not in taken]
    return pairs + rest


def _identities(nodes: list[Node], at: Shape | None) -> list[object]:
    """What tells each element from its like: its key, else all that it holds."""
    return [(at.name(node) if at else None) or content(node) for node in nodes]


def _label(identities: list[object], number: int) -> str:
    identity = identities[number]
    return f"[{identity if isinstance(identity, str) else number + 1}]"
