"""Checks one document against libvirt's schema and the model: a line and a remedy for each error.

What ``hostmon xml check FILE`` prints. Never raises on a document, however broken.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from hostmon.errors import XMLError
from hostmon.suggest import nearest
from hostmon.xml.documents import DOCUMENTS, class_of
from hostmon.xml.domain import DEVICES
from hostmon.xml.nodes import Node, elements, line_of, text_of
from hostmon.xml.parsing import load
from hostmon.xml.schema import GUEST, SCHEMAS, Fault, Schema, schema_for
from hostmon.xml.shape import Shape, shape
from hostmon.xml.values import Kind


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong where; ``certain`` is False for what only the model does not know."""

    line: int
    path: str
    message: str
    remedy: str
    certain: bool = True

    def __str__(self) -> str:
        word = "error" if self.certain else "unknown"
        return f"line {self.line}: {word}: {self.path}: {self.message}; {self.remedy}"


def check(xml: str | bytes, schemas: Path = SCHEMAS) -> list[Problem]:
    """All problems, by line; none for a valid document. Without schemas the model alone judges."""
    try:
        root = load(xml)
    except XMLError as error:
        what, _, remedy = str(error).removeprefix("document: ").rpartition("; ")
        return [Problem(error.line, "document", what, remedy)]
    cls = class_of(root)
    if cls is None:
        known = ", ".join(sorted(DOCUMENTS))
        line = line_of(root)
        return [Problem(line, str(root.tag), "not a document of libvirt", f"write one of {known}")]
    model = list(_misfits(root, shape(cls), str(root.tag)))
    schema, whole = _judge(root, schemas)
    if schema is None:
        return sorted(model, key=_place)
    # Where the schema takes what the model does not know, it is the model that is behind.
    certain = [problem for problem in model if problem.certain]
    said = {_place(problem) for problem in certain}
    unknown = {_place(problem): problem for problem in model if not problem.certain}
    faults = schema.faults(whole)
    if any(fault.node is root and fault.attribute is None for fault in faults):
        # The schema blames the whole: what the model does not know is the better guess.
        certain += [replace(problem, certain=True) for problem in unknown.values()]
        said |= unknown.keys()
    for fault in faults:
        problem = _explain(fault, root, shape(cls))
        if _place(problem) in unknown:
            problem = replace(unknown[_place(problem)], certain=True)
        if _place(problem) not in said:
            certain.append(problem)
    return sorted(certain, key=_place)


def _place(problem: Problem) -> tuple[int, str]:
    return problem.line, problem.path


def _explain(fault: Fault, root: Node, at: Shape) -> Problem:
    """A fault of the schema in words."""
    node, line = fault.node, line_of(fault.node)
    path = "/".join(_steps(node, root, at))
    if fault.attribute:
        path, value = f"{path}/@{fault.attribute}", node.get(fault.attribute)
    else:
        value = text_of(node).strip()
    if fault.instead:
        remedy = f"write one of {', '.join(fault.instead)}"
        return Problem(line, path, f"{value!r} is not allowed here", remedy)
    if fault.attribute or value:
        return Problem(line, path, f"{value!r} is not allowed here", "correct or remove it")
    return Problem(
        line, path, "incomplete, or not allowed here", "add what libvirt requires, or remove it"
    )


def _steps(node: Node, root: Node, at: Shape) -> list[str]:
    """The path from the root to an element, by the names that the model gives."""
    chain = [node]
    while chain[0] is not root and (parent := chain[0].getparent()) is not None:
        chain.insert(0, parent)
    steps, here = [str(chain[0].tag)], cast("Shape | None", at)
    for child in chain[1:]:
        here = here.child(str(child.tag)) if here else None
        steps.append(_step(child, here))
    return steps


def _step(node: Node, at: Shape | None) -> str:
    name = at.name(node) if at else None
    return f"{node.tag!s}[{name}]" if name else str(node.tag)


def _judge(root: Node, folder: Path) -> tuple[Schema | None, Node]:
    """The schema, and the document to hold against it: a device goes into a guest."""
    cls = class_of(root)
    if cls is None or DEVICES.get(str(root.tag)) is not cls:
        return schema_for(str(root.tag), folder), root
    whole = load(GUEST)
    devices = whole.makeelement("devices")
    whole.append(devices)
    devices.append(root)
    return schema_for("domain", folder), whole


def _misfits(node: Node, at: Shape, path: str) -> Iterator[Problem]:
    """What the model does not know, and values that do not fit their kind."""
    line = line_of(node)
    for name, value in node.attrib.items():
        kind, here = at.attributes.get(str(name)), f"{path}/@{name!s}"
        if kind is None:
            yield Problem(line, here, "unknown attribute", _near(name, at.attributes), False)
        else:
            yield from _fit(kind, str(value), line, here)
    if at.text is not None and text_of(node).strip():
        yield from _fit(at.text, text_of(node), line, path)
    for child in [] if at.opaque else list(elements(node)):
        below = at.child(str(child.tag))
        here = f"{path}/{_step(child, below)}"
        if below is None:
            remedy = _near(child.tag, at.children)
            yield Problem(line_of(child), here, "unknown element", remedy, False)
        else:
            yield from _misfits(child, below, here)


def _fit(kind: Kind[Any], value: str, line: int, path: str) -> Iterator[Problem]:
    try:
        kind.read(value)
    except ValueError:
        remedy = f"write one such as {kind.write(kind.example)!r}"
        yield Problem(line, path, f"{value!r} is not {kind.name}", remedy)


def _near(name: object, known: Iterable[str]) -> str:
    near = nearest(str(name), known)
    return f"did you mean {near!r}?" if near else "remove it, if it is not of a newer libvirt"
