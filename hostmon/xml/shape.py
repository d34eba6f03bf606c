"""What the model knows at one place of a document: names, kinds, and what tells twins apart.

Lets code walk a document beside the model, through what the model knows and what it does not.
"""

from typing import Any

from hostmon.errors import XMLError
from hostmon.xml.element import Child, Children, Element, Value, Values
from hostmon.xml.metadata import Metadata
from hostmon.xml.nodes import Node
from hostmon.xml.values import Kind


class Shape:
    """A class of the model, and the steps from its element down to one that has no class."""

    def __init__(self, cls: type[Element], steps: tuple[str, ...] = ()) -> None:
        self.cls, self.steps = cls, steps
        self.attributes: dict[str, Kind[Any]] = {}
        self.text: Kind[Any] | None = None
        self.children: dict[str, Shape | type[Element]] = {}
        for field in cls.fields.values():
            self._learn(field)

    @property
    def opaque(self) -> bool:
        """Whether anything may stand here: applications' metadata."""
        return issubclass(self.cls, Metadata)

    def child(self, tag: str) -> "Shape | None":
        """The place below, by the element's name; None where the model knows no such element."""
        found = self.children.get(tag)
        return shape(found) if isinstance(found, type) else found

    def name(self, node: Node) -> str | None:
        """What tells this element from its like, such as a disk's target; None without a key."""
        if self.steps or not self.cls.key:
            return None
        element = self.cls.wrap(node)
        try:
            values = [getattr(element, name) for name in self.cls.key]
        except XMLError:
            return None
        parts = [str(value) for value in values if value is not None]
        return ",".join(parts) or None

    def _learn(self, field: object) -> None:
        if isinstance(field, Children):
            if field.parent == self.steps:
                self.children.update(field.classes)
                return
            steps = field.parent
        elif isinstance(field, Child | Value | Values):
            steps = field.steps
        else:
            steps = getattr(field, "steps", ())
        if steps[: len(self.steps)] != self.steps:
            return
        rest = steps[len(self.steps) :]
        if isinstance(field, Child) and len(rest) == 1:
            self.children[rest[0]] = field.cls
        elif rest:
            self.children.setdefault(rest[0], Shape(self.cls, (*self.steps, rest[0])))
        elif isinstance(field, Value | Values):
            kind = field.kind if isinstance(field, Value) else field.one.kind
            if field.attribute:
                self.attributes[field.attribute] = kind
            else:
                self.text = kind


_shapes: dict[type[Element], Shape] = {}


def shape(cls: type[Element]) -> Shape:
    """The place where an element of this class begins."""
    if cls not in _shapes:
        _shapes[cls] = Shape(cls)
    return _shapes[cls]
