"""How much of a document the typed fields carry: what is left after rebuilding from them alone."""

from collections import Counter, deque
from dataclasses import dataclass, field

from hostmon.xml.element import Element
from hostmon.xml.nodes import Node, elements, text_of


@dataclass
class Tally:
    """Elements and attributes, in all and carried, by section; and the paths that were lost.

    A section is a child of the root, or of ``devices``: ``cpu``, ``devices/disk``.
    """

    total: Counter[str] = field(default_factory=Counter)
    carried: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def share(self, section: str | None = None) -> float:
        """The carried part, of a section or of everything; 1 where there is nothing."""
        total = self.total.total() if section is None else self.total[section]
        carried = self.carried.total() if section is None else self.carried[section]
        return carried / total if total else 1.0

    def note(self, section: str, path: str, kept: bool) -> None:
        """Count one element or attribute."""
        self.total[section] += 1
        self.carried[section] += kept
        if not kept:
            self.lost[path] += 1


def measure(element: Element, tally: Tally) -> None:
    """Rebuild the element from its typed fields, and count what the rebuilt one still has."""
    _compare(element.node, element.rebuilt().node, str(element.node.tag), tally)


def _section(path: str) -> str:
    root, _, rest = path.partition("/")
    first, _, inner = rest.partition("/")
    return f"devices/{inner.partition('/')[0]}" if first == "devices" and inner else first or root


def _compare(node: Node, rebuilt: Node | None, path: str, tally: Tally) -> None:
    section = _section(path)
    same_text = rebuilt is not None and text_of(node).strip() == text_of(rebuilt).strip()
    tally.note(section, path, same_text)
    for name, value in node.attrib.items():
        kept = rebuilt is not None and rebuilt.get(name) == value
        tally.note(section, f"{path}/@{name!s}", kept)
    twins: dict[str, deque[Node]] = {}
    for twin in [] if rebuilt is None else elements(rebuilt):
        twins.setdefault(str(twin.tag), deque()).append(twin)
    for child in elements(node):
        same = twins.get(str(child.tag))
        _compare(child, same.popleft() if same else None, f"{path}/{child.tag!s}", tally)
