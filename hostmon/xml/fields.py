"""The kinds of field an element can declare, as descriptors over its lxml node.

A path is steps to child elements, then ``@name`` for an attribute, ``.`` for the element's own
text, or an element whose text it is: ``mac/@address``, ``name``. Reading never changes the
document; setting makes the elements it needs, in the declared order.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableSequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, overload

from hostmon.errors import XMLError
from hostmon.xml.nodes import (
    Node,
    drop,
    first,
    follow,
    indentation,
    line_of,
    new_node,
    qualified,
    set_text,
    text_of,
)
from hostmon.xml.values import TEXT, Kind

if TYPE_CHECKING:
    from hostmon.xml.element import Element

T = TypeVar("T")
E = TypeVar("E", bound="Element")


_new = object.__new__


class Field(Generic[T]):
    """What every field has: a name, a path, and the steps that lead to it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = ""
        self.attribute = ""
        *steps, last = path.split("/")
        if last.startswith("@"):
            self.attribute = qualified(last[1:])
        elif last not in (".", "*"):
            steps.append(last)
        self.steps = tuple(qualified(step) for step in steps)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def carry(self, source: "Element", target: "Element") -> None:
        """Set on ``target`` what this field reads from ``source``, through typed values alone."""
        value = self.__get__(source)  # type: ignore[attr-defined]
        if value is not None:
            setattr(target, self.name, value)


class Value(Field[T]):
    """One value: an attribute or an element's text. None where it is absent; None removes it."""

    @overload
    def __init__(self: "Value[str]", path: str) -> None: ...
    @overload
    def __init__(self, path: str, kind: Kind[T]) -> None: ...
    def __init__(self, path: str, kind: Kind[Any] = TEXT) -> None:
        super().__init__(path)
        self.kind: Kind[T] = kind
        self.plain = kind is TEXT
        self.own = path == "."

    @overload
    def __get__(self, obj: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, obj: "Element", owner: type | None = None) -> T | None: ...
    def __get__(self, obj: "Element | None", owner: type | None = None) -> Self | T | None:
        if obj is None:
            return self
        # As first() and read() do it: their calls would double the time of the most frequent reads.
        node = obj.node
        for step in self.steps:
            for node in node.iterchildren(step):  # noqa: B007, B020
                break
            else:
                return None
        if self.plain and self.attribute:
            return node.get(self.attribute)  # type: ignore[return-value]  # plain: T is str
        return self.read(node)

    def read(self, node: Node) -> T | None:
        """The value in this element, the last of the path."""
        text = node.get(self.attribute) if self.attribute else text_of(node)
        if text is None or (self.own and not text.strip()):
            return None
        if self.plain:
            return text  # type: ignore[return-value]  # plain: T is str
        try:
            return self.kind.read(text)
        except ValueError:
            raise self.misfit(text, line_of(node)) from None

    def __set__(self, obj: "Element", value: T | None) -> None:
        if value is None:
            self._remove(obj)
            return
        try:
            text = self.format(obj, value)
            self.write(obj.reach(self.steps), text)
        except ValueError:
            raise self.misfit(value, line_of(obj.node)) from None

    def format(self, obj: "Element", value: T) -> str:  # noqa: ARG002
        """The text for a value; a subclass may look at the element first."""
        return self.kind.write(value)

    def write(self, node: Node, text: str) -> None:
        """Put a value's text where it belongs in this element, the last of the path."""
        if self.attribute:
            node.set(self.attribute, text)
        else:
            set_text(node, text)

    def _remove(self, obj: "Element") -> None:
        node = first(obj.node, self.steps)
        if node is None:
            return
        if self.attribute:
            node.attrib.pop(self.attribute, "")
        else:
            set_text(node, None)
        while node is not obj.node and not (len(node) or node.attrib or (node.text or "").strip()):
            empty, node = node, cast("Node", node.getparent())
            drop(empty)

    def misfit(self, value: object, line: int) -> XMLError:
        """The one error for a value of the wrong kind."""
        where = f" (line {line})" if line else ""
        return XMLError(
            f"{self.path}: {value!r} is not {self.kind.name}{where}; "
            f"write one such as {self.kind.write(self.kind.example)!r}",
            line,
        )


class Flag(Field[bool]):
    """An empty element whose presence means yes."""

    @overload
    def __get__(self, obj: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, obj: "Element", owner: type | None = None) -> bool: ...
    def __get__(self, obj: "Element | None", owner: type | None = None) -> Self | bool:
        if obj is None:
            return self
        return first(obj.node, self.steps) is not None

    def __set__(self, obj: "Element", value: bool) -> None:
        if value:
            obj.reach(self.steps)
        elif (node := first(obj.node, self.steps)) is not None:
            drop(node)

    def carry(self, source: "Element", target: "Element") -> None:  # noqa: D102
        if self.__get__(source):
            self.__set__(target, True)


class Child(Field[E]):
    """One element with fields of its own; setting moves the given object into place.

    Without a class it is one like that it stands in, as the files of a backing chain are.
    """

    def __init__(self, path: str, cls: type[E] | None = None) -> None:
        super().__init__(path)
        self.cls = cast("type[E]", cls)

    def __set_name__(self, owner: type, name: str) -> None:
        super().__set_name__(owner, name)
        self.cls = self.cls or owner

    @overload
    def __get__(self, obj: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, obj: "Element", owner: type | None = None) -> E | None: ...
    def __get__(self, obj: "Element | None", owner: type | None = None) -> Self | E | None:
        if obj is None:
            return self
        node = obj.node
        for step in self.steps:
            for node in node.iterchildren(step):  # noqa: B007, B020
                break
            else:
                return None
        child: E = _new(self.cls)
        child.node = node
        return child

    def __set__(self, obj: "Element", value: E | None) -> None:
        old = first(obj.node, self.steps)
        if value is None:
            if old is not None:
                drop(old)
            return
        if old is value.node:
            return
        node = value.node if value.node.getparent() is None else value.copy().node
        node.tag = self.steps[-1]
        if old is None:
            obj.put(self.steps, node)
        else:
            node.tail = old.tail
            cast("Node", old.getparent()).replace(old, node)

    def carry(self, source: "Element", target: "Element") -> None:  # noqa: D102
        child = self.__get__(source)
        if child is not None:
            self.__set__(target, child.rebuilt())


class Children(Field[E]):
    """All elements of a name, or of several names each with its class, as a list to change."""

    def __init__(self, path: str, cls: "type[E] | Mapping[str, type[E]] | None" = None) -> None:
        super().__init__(path)
        if isinstance(cls, Mapping):
            self.parent = self.steps
            self.classes = {qualified(tag): one for tag, one in cls.items()}
        else:
            self.parent = self.steps[:-1]
            self.classes = {self.steps[-1]: cast("type[E]", cls)}

    def __set_name__(self, owner: type, name: str) -> None:
        super().__set_name__(owner, name)
        self.classes = {tag: cls or owner for tag, cls in self.classes.items()}

    @overload
    def __get__(self, obj: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, obj: "Element", owner: type | None = None) -> "Items[E]": ...
    def __get__(self, obj: "Element | None", owner: type | None = None) -> "Self | Items[E]":
        return self if obj is None else Items(obj, self)

    def __set__(self, obj: "Element", values: Iterable[E]) -> None:
        new = [value if value.node.getparent() is None else value.copy() for value in values]
        items = Items(obj, self)
        items.clear()
        items.extend(new)

    def carry(self, source: "Element", target: "Element") -> None:  # noqa: D102
        # Two fields may show the same elements (all devices, and the disks): the first carries.
        if not Items(target, self):
            Items(target, self).extend(item.rebuilt() for item in Items(source, self))


class Values(Field[T]):
    """The values of all elements of a name, as a tuple; assign a new one to change them."""

    @overload
    def __init__(self: "Values[str]", path: str) -> None: ...
    @overload
    def __init__(self, path: str, kind: Kind[T]) -> None: ...
    def __init__(self, path: str, kind: Kind[Any] = TEXT) -> None:
        super().__init__(path)
        *_, last = path.split("/")
        self.one: Value[T] = Value(last if self.attribute else ".", kind)
        self.one.name = path

    @overload
    def __get__(self, obj: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, obj: "Element", owner: type | None = None) -> tuple[T, ...]: ...
    def __get__(self, obj: "Element | None", owner: type | None = None) -> Self | tuple[T, ...]:
        if obj is None:
            return self
        parent = first(obj.node, self.steps[:-1])
        if parent is None:
            return ()
        found = (self.one.read(node) for node in parent.iterchildren(self.steps[-1]))
        return tuple(value for value in found if value is not None)

    def __set__(self, obj: "Element", values: Iterable[T]) -> None:
        texts = [self.one.kind.write(value) for value in values]
        parent = first(obj.node, self.steps[:-1])
        for node in [] if parent is None else list(parent.iterchildren(self.steps[-1])):
            drop(node)
        last: Node | None = None
        for text in texts:
            node = new_node(self.steps[-1])
            self.one.write(node, text)
            if last is None:
                obj.put(self.steps, node)
            else:
                follow(last, node)
            last = node


class Items(MutableSequence[E]):
    """The live list behind :class:`Children`: every change is made in the document."""

    def __init__(self, owner: "Element", field: Children[E]) -> None:
        self._owner, self._field = owner, field

    def _nodes(self) -> list[Node]:
        parent = first(self._owner.node, self._field.parent)
        return [] if parent is None else list(parent.iterchildren(*self._field.classes))

    def _wrap(self, node: Node) -> E:
        return self._field.classes[node.tag].wrap(node)

    def _admit(self, value: E) -> Node:
        """The node to put into the document: free, and under a name that belongs there."""
        node = value.node if value.node.getparent() is None else value.copy().node
        if node.tag not in self._field.classes:
            node.tag = next(tag for tag, cls in self._field.classes.items() if type(value) is cls)
        return node

    def __len__(self) -> int:
        return len(self._nodes())

    def __iter__(self) -> Iterator[E]:
        return map(self._wrap, self._nodes())

    @overload
    def __getitem__(self, index: int) -> E: ...
    @overload
    def __getitem__(self, index: slice) -> list[E]: ...
    def __getitem__(self, index: int | slice) -> E | list[E]:
        if isinstance(index, slice):
            return [self._wrap(node) for node in self._nodes()[index]]
        return self._wrap(self._nodes()[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            raise TypeError("assign the whole field, or one item, not a slice")
        old = self._nodes()[index]
        if old is not value.node:
            node = self._admit(value)
            node.tail = old.tail
            cast("Node", old.getparent()).replace(old, node)

    def __delitem__(self, index: int | slice) -> None:
        nodes = self._nodes()
        for node in nodes[index] if isinstance(index, slice) else [nodes[index]]:
            drop(node)

    def insert(self, index: int, value: E) -> None:  # noqa: D102
        nodes, node = self._nodes(), self._admit(value)
        if not nodes:
            self._owner.put((*self._field.parent, node.tag), node)
        elif index < len(nodes):
            node.tail = indentation(nodes[index].tail)
            nodes[index].addprevious(node)
        else:
            follow(nodes[-1], node)

    def clear(self) -> None:  # noqa: D102
        del self[:]

    def extend(self, values: Iterable[E]) -> None:
        """Append them all; insert() would look for the end of the list each time."""
        last = next(reversed(self._nodes()), None)
        for value in values:
            node = self._admit(value)
            if last is None:
                self._owner.put((*self._field.parent, node.tag), node)
            else:
                follow(last, node)
            last = node

    def __repr__(self) -> str:
        return repr(list(self))
