"""Finds what in a document breaks libvirt's schema, where libvirt's schemas are installed.

A RELAX NG validator says little more than that the document is invalid; taking parts out until it
is valid finds the parts to blame, and putting other values in finds what would be right. One
validation takes some 0.1 ms.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, islice
from math import comb
from pathlib import Path
from time import monotonic
from typing import TypeVar, cast

from lxml import etree

from hostmon.xml.nodes import Node, elements

SCHEMAS = Path("/usr/share/libvirt/schemas")
FILES = {
    "domain": "domain", "capabilities": "capability", "domainCapabilities": "domaincaps",
    "cpu": "cpu", "filter": "nwfilter", "filterbinding": "nwfilterbinding", "network": "network",
    "device": "nodedev", "pool": "storagepool", "volume": "storagevol", "secret": "secret",
    "domainsnapshot": "domainsnapshot", "domaincheckpoint": "domaincheckpoint",
    "domainbackup": "domainbackup", "interface": "interface",
}  # fmt: skip
# More than this many faults of one document are not told apart.
MOST = 50
# More ways of taking parts out than this are not tried.
TRIES = 500
# A search that takes longer ends with what it has found.
SECONDS = 2.0
# Where more words than this fit, any name would.
WORDS = 40
T = TypeVar("T")
RNG = "{http://relaxng.org/ns/structure/1.0}"
# A device alone is judged inside the smallest guest.
GUEST = "<domain type='qemu'><name>x</name><memory>1</memory><os><type>hvm</type></os></domain>"


@dataclass(frozen=True, slots=True)
class Fault:
    """The smallest part to blame, and the words that the schema would take in its place.

    It is an attribute, or an element: one too many, or with something missing or wrong in it.
    """

    node: Node
    attribute: str | None
    instead: tuple[str, ...] = ()


class Schema:
    """One of libvirt's schemas."""

    def __init__(self, path: Path) -> None:
        self._rng = etree.RelaxNG(etree.parse(path))
        self.words: dict[str, set[str]] = {}
        self._collect(path)

    def valid(self, root: Node) -> bool:
        """Whether libvirt's schema takes the document."""
        return bool(self._rng.validate(root))

    def messages(self) -> list[str]:
        """What the validator said of the last document it refused."""
        return [entry.message for entry in self._rng.error_log]

    def faults(self, root: Node) -> list[Fault]:
        """What is to blame, as nodes of the document, which is left as it was."""
        if self.valid(root):
            return []
        work = deepcopy(root)
        origin = dict(zip(work.iter(), root.iter(), strict=True))
        found: list[Fault] = []
        try:
            found.extend(islice(_Search(self, work).blame_root(), MOST))
        except TimeoutError:
            found = found or [Fault(work, None)]
        found = [replace(fault, node=origin[fault.node]) for fault in found]
        return found or [Fault(root, None)]

    def _collect(self, path: Path) -> None:
        """Every word that some attribute or element of a name may be."""
        root = etree.parse(path).getroot()
        for include in root.iter(f"{RNG}include"):
            self._collect(path.with_name(include.get("href", "")))
        named = {str(define.get("name")): define for define in root.iter(f"{RNG}define")}
        for holder in root.iter(f"{RNG}attribute", f"{RNG}element"):
            words = {value.text for value in holder.iterfind(f".//{RNG}value")}
            for ref in holder.iterfind(f".//{RNG}ref"):
                define = named.get(str(ref.get("name")))
                if define is not None and define.find(f".//{RNG}element") is None:
                    words |= {value.text for value in define.iter(f"{RNG}value")}
            name = str(holder.get("name"))
            self.words.setdefault(name, set()).update(word for word in words if word)


def _few(things: list[T]) -> Iterator[tuple[T, ...]]:
    """Each thing, then each pair and each three, as long as there are not too many to try."""
    for size in range(1, 4):
        if comb(len(things), size) <= TRIES:
            yield from combinations(things, size)


def _assign(node: Node, attribute: str | None, value: str | None) -> None:
    if attribute is None:
        node.text = value
    elif value is None:
        node.attrib.pop(attribute, "")
    else:
        node.set(attribute, value)


class _Search:
    """One search through a copy of the document, which it takes apart."""

    def __init__(self, schema: Schema, root: Node) -> None:
        self.schema, self.root = schema, root
        self.deadline = monotonic() + SECONDS

    def valid(self) -> bool:
        if monotonic() > self.deadline:
            raise TimeoutError
        return self.schema.valid(self.root)

    def blame_root(self) -> Iterator[Fault]:
        """Take out what the validator names until the rest is valid, then look into each."""
        yield from self._attributes(self.root)
        out: list[Node] = []
        while not self.valid():
            named = self._named()
            culprits = self._fewest(list(elements(self.root))) if named is None else [named]
            if not culprits:
                yield from self._blame(self.root)
                return
            out += culprits
            for child in culprits:
                self.root.remove(child)
        yield from self._each(self.root, out)

    def _named(self) -> Node | None:
        """The child of the root that the validator's message names."""
        for entry in self.schema.messages():
            match = re.search(r"[Ee]lement (\S+) in interleave", entry)
            child = self.root.find(match.group(1)) if match else None
            if child is not None:
                return child
        return None

    def _fewest(self, children: list[Node]) -> list[Node]:
        """The fewest children without which the document is valid; none where none suffice."""
        for some in _few(children):
            parent = cast("Node", some[0].getparent())
            everything = list(parent)
            for child in some:
                parent.remove(child)
            valid = self.valid()
            parent[:] = everything
            if valid:
                return list(some)
        return []

    def _each(self, parent: Node, children: list[Node]) -> Iterator[Fault]:
        """Judge each child alone, in a parent that is valid without them; keep the good ones."""
        for child in children:
            parent.append(child)
            if not self.valid():
                yield from self._blame(child)
                parent.remove(child)

    def _blame(self, node: Node, certain: bool = True) -> Iterator[Fault]:
        """What in this element is wrong; nothing may be, where that is not certain."""
        found = list(self._attributes(node))
        if found:
            yield from found
            return
        children = list(elements(node))
        for child in children:
            node.remove(child)
        if self.valid():
            yield from self._each(node, children)
            return
        for child in children:
            node.append(child)
        culprits = self._fewest(children)
        for child in culprits:
            node.remove(child)
        yield from self._each(node, culprits)
        if culprits:
            return
        for child in children:  # one that cannot be missing may be wrong inside
            found = list(self._blame(child, certain=False))
            if found:
                yield from found
                return
        instead = () if children else self._instead(node, None)
        if certain or instead:
            yield Fault(node, None, instead)

    def _attributes(self, node: Node) -> Iterator[Fault]:
        """The fewest attributes without which, or with other words in them, it is valid."""
        values = {str(name): str(value) for name, value in node.attrib.items()}
        for some in _few(list(values)):
            for name in some:
                del node.attrib[name]
            optional = self.valid()
            instead = self._instead(node, some[0]) if optional or len(some) == 1 else ()
            for name in some if optional or instead else ():
                yield Fault(node, name, instead if name == some[0] else self._instead(node, name))
            if optional:
                return
            node.attrib.update({name: values[name] for name in some})
            if instead:
                node.set(some[0], instead[0])
                return

    def _instead(self, node: Node, attribute: str | None) -> tuple[str, ...]:
        """The words that would make the document valid, found by trying."""
        was = node.get(attribute) if attribute else node.text
        fits = []
        for word in sorted(self.schema.words.get(attribute or str(node.tag), ())):
            _assign(node, attribute, word)
            if self.valid():
                fits.append(word)
        _assign(node, attribute, was)
        return tuple(fits) if len(fits) <= WORDS else ()


@cache
def schema_for(tag: str, folder: Path = SCHEMAS) -> Schema | None:
    """The schema of documents with this root; None where it is not installed."""
    path = folder / f"{FILES.get(tag, tag)}.rng"
    return Schema(path) if tag in FILES and path.is_file() else None
