"""The machinery of the model: elements declared as classes, over lxml, that lose nothing.

An :class:`Element` holds one lxml node and nothing else. Its fields read from the node when asked
and write into it when set, so parsing costs what lxml costs, and whatever no field names (elements,
attributes, comments, order, namespaces) stays where it was; ``.node`` reaches it. A concept's file
only declares fields::

    class Target(Element):
        tag = "target"
        dev = Value("@dev")                               # an attribute, text
        rotation_rate = Value("@rotation_rate", INT)      # None where it is absent
"""

from copy import deepcopy
from typing import Any, ClassVar, Self

from hostmon.errors import XMLError
from hostmon.xml.fields import Child, Children, Field, Flag, Items, Value, Values
from hostmon.xml.nodes import Node, content, first, line_of, new_node, place, qualified
from hostmon.xml.parsing import dump, load
from hostmon.xml.values import HEX1, HEX2, HEX4, INT, ON_OFF, TEXT, YES_NO

__all__ = [
    "HEX1", "HEX2", "HEX4", "INT", "ON_OFF", "TEXT", "YES_NO",
    "Child", "Children", "Element", "Field", "Flag", "Items", "Value", "Values",
]  # fmt: skip


_new = object.__new__


class Element:
    """A part of a document with the fields its class declares; see the module's docstring."""

    tag: ClassVar[str]
    # The fields that tell one from another among its like, such as a disk's target.
    key: ClassVar[tuple[str, ...]] = ()
    fields: ClassVar[dict[str, Field[Any]]] = {}
    _order: ClassVar[dict[tuple[str, ...], tuple[str, ...]]] = {}

    # A class of the model adds none, but a slot spares each element a dictionary.
    __slots__ = ("node",)
    node: Node

    def __init_subclass__(cls) -> None:
        # A class's own fields come first, as a device's address follows what is special to it.
        cls.fields = {}
        for base in cls.__mro__:
            for name, field in vars(base).items():
                if isinstance(field, Field):
                    cls.fields.setdefault(name, field)
        order: dict[tuple[str, ...], list[str]] = {}
        for field in cls.fields.values():
            for depth, step in enumerate(field.steps):
                order.setdefault(field.steps[:depth], []).append(step)
            if isinstance(field, Children):
                order.setdefault(field.parent, []).extend(field.classes)
        cls._order = {steps: tuple(dict.fromkeys(tags)) for steps, tags in order.items()}

    def __init__(self, **values: object) -> None:
        self.node = new_node(qualified(self.tag))
        for name, value in values.items():
            if name not in self.fields:
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            setattr(self, name, value)

    @classmethod
    def wrap(cls, node: Node) -> Self:
        """The element as this class; changes to either are changes to both."""
        self = _new(cls)
        self.node = node
        return self

    @classmethod
    def parse(cls, xml: str | bytes) -> Self:
        """Read a document whose root is this element; raises XMLError, never anything else."""
        root = load(xml)
        if root.tag != qualified(cls.tag):
            line = line_of(root)
            raise XMLError(
                f"document: <{root.tag}> (line {line}) is not <{cls.tag}>; "
                f"pass a {cls.tag} description",
                line,
            )
        return cls.wrap(root)

    def to_xml(self, pretty: bool = False) -> str:
        """The text; ``pretty`` indents what was built here, and leaves parsed text as it was."""
        return dump(self.node, pretty)

    def copy(self) -> Self:
        """The same content, in no document."""
        node = deepcopy(self.node)
        node.tail = None
        return self.wrap(node)

    def rebuilt(self) -> Self:
        """A new element made of what the typed fields carry, and nothing else."""
        new = self.wrap(new_node(self.node.tag))
        for field in self.fields.values():
            field.carry(self, new)
        return new

    def reach(self, steps: tuple[str, ...]) -> Node:
        """The element that these steps lead to, made where it is missing."""
        node = self.node
        for depth, step in enumerate(steps):
            child = first(node, (step,))
            if child is None:
                child = new_node(step)
                place(node, child, self._later(steps[:depth], step))
            node = child
        return node

    def put(self, steps: tuple[str, ...], node: Node) -> None:
        """Add a node at the end of the steps, where the declared order wants it."""
        place(self.reach(steps[:-1]), node, self._later(steps[:-1], steps[-1]))

    def _later(self, parents: tuple[str, ...], step: str) -> frozenset[str]:
        tags = self._order.get(parents, ())
        return frozenset(tags[tags.index(step) + 1 :]) if step in tags else frozenset()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Element):
            return NotImplemented
        return self.node is other.node or content(self.node) == content(other.node)

    __hash__ = None  # type: ignore[assignment]  # content can change

    def __repr__(self) -> str:
        text = self.to_xml()
        return text if len(text) <= 200 else text[:197] + "..."
